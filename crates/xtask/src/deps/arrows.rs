//! The layers of the tree, and the rule that arrows between crates only point down.

/// A dependency of one crate on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrow<'a> {
    pub(super) from: &'a str,
    pub(super) to: &'a str,
}

/// Each crate of the workspace and its layer. A crate may depend on any of a lower layer.
const LAYERS: &[(u8, &[&str])] = &[
    (0, &["ossicle-audio", "ossicle-eventstream", "ossicle-sigv4", "ossicle-model"]),
    (1, &["ossicle-core"]),
    (2, &["ossicle-tokio", "ossicle-control", "ossicle-emulator", "ossicle-sim"]),
    (3, &["ossicle-capi", "ossicle-cli", "ossicle"]),
    (4, &["ossicle-benches"]),
];

/// Crates beside the layers: nothing of ours in them, and in nothing of ours.
const APART: &[&str] = &["xtask"];

/// Arrows inside a layer that are allowed, with the reason.
const ALLOWED: &[(&str, &str, &str)] = &[
    ("ossicle-control", "ossicle-tokio", "REST goes over the same sockets, TLS and HTTP/2 as the stream"),
    ("ossicle-cli", "ossicle", "the command is an ordinary user of the facade"),
];

/// Arrows that point down and are refused all the same, with the reason.
const REFUSED: &[(&str, &str, &str)] = &[
    ("ossicle-emulator", "ossicle-eventstream", NOT_BY_OURS),
    ("ossicle-emulator", "ossicle-sigv4", NOT_BY_OURS),
    ("ossicle-emulator", "ossicle-core", NOT_BY_OURS),
];
const NOT_BY_OURS: &str = "the emulator judges our bytes with the official crates, never with ours";

/// What would bring a clock, a socket or a thread into the layers that must have none.
const NOT_SANS_IO: &[&str] =
    &["tokio", "h2", "hyper", "mio", "socket2", "rustls", "tokio-rustls", "ossicle-tokio"];
const SANS_IO_LAYER_MAX: u8 = 1;

/// A sentence for each fault, in the order of the arrows.
pub(super) fn faults(crates: &[&str], arrows: &[Arrow<'_>]) -> Vec<String> {
    let mut faults = Vec::new();
    for name in crates {
        if layer(name).is_none() && !APART.contains(name) {
            faults.push(format!("{name} has no layer: give it one in xtask's deps/arrows.rs"));
        }
    }
    for arrow in arrows {
        faults.extend(fault(*arrow, crates.contains(&arrow.to)));
    }
    faults
}

fn fault(Arrow { from, to }: Arrow<'_>, is_ours: bool) -> Option<String> {
    let from_layer = layer(from);
    if from_layer.is_some_and(|layer| layer <= SANS_IO_LAYER_MAX) && NOT_SANS_IO.contains(&to) {
        return Some(format!("{from} depends on {to}: it must stay without clock, socket and thread"));
    }
    if !is_ours {
        return None;
    }
    if let Some((.., reason)) = REFUSED.iter().find(|(a, b, _)| (*a, *b) == (from, to)) {
        return Some(format!("{from} depends on {to}: {reason}"));
    }
    if APART.contains(&from) || APART.contains(&to) {
        return Some(format!("{from} depends on {to}: xtask stands apart"));
    }
    // A crate with no layer has had its sentence.
    let (from_layer, to_layer) = (from_layer?, layer(to)?);
    let allowed = to_layer < from_layer || ALLOWED.iter().any(|(a, b, _)| (*a, *b) == (from, to));
    (!allowed).then(|| {
        format!("{from} (layer {from_layer}) depends on {to} (layer {to_layer}): arrows only point down")
    })
}

fn layer(name: &str) -> Option<u8> {
    LAYERS.iter().find(|(_, names)| names.contains(&name)).map(|(layer, _)| *layer)
}

#[cfg(test)]
mod tests {
    use super::{Arrow, faults};

    fn of(arrows: &[(&str, &str)]) -> Vec<String> {
        let mut crates: Vec<&str> = arrows.iter().flat_map(|(from, to)| [*from, *to]).collect();
        crates.retain(|name| *name == "xtask" || name.starts_with("ossicle"));
        let arrows: Vec<Arrow<'_>> = arrows.iter().map(|(from, to)| Arrow { from, to }).collect();
        faults(&crates, &arrows)
    }

    #[test]
    fn down_is_allowed_over_any_number_of_layers() {
        let down = [
            ("ossicle-core", "ossicle-audio"),
            ("ossicle", "ossicle-model"),
            ("ossicle-cli", "ossicle-tokio"),
        ];
        assert_eq!(of(&down), [""; 0]);
    }

    #[test]
    fn up_is_refused() {
        let faults = of(&[("ossicle-audio", "ossicle-core")]);
        assert_eq!(
            faults,
            ["ossicle-audio (layer 0) depends on ossicle-core (layer 1): arrows only point down"]
        );
    }

    #[test]
    fn inside_a_layer_only_what_is_written_down() {
        assert_eq!(of(&[("ossicle-control", "ossicle-tokio")]), [""; 0]);
        assert_eq!(of(&[("ossicle-tokio", "ossicle-control")]).len(), 1);
        assert_eq!(of(&[("ossicle-sigv4", "ossicle-model")]).len(), 1);
    }

    #[test]
    fn the_emulator_does_not_judge_with_our_code() {
        let faults = of(&[("ossicle-emulator", "ossicle-sigv4"), ("ossicle-emulator", "ossicle-model")]);
        assert_eq!(faults.len(), 1);
        assert!(faults[0].contains("official crates"), "{}", faults[0]);
    }

    #[test]
    fn the_lower_layers_have_no_socket() {
        assert_eq!(
            of(&[("ossicle-core", "tokio"), ("ossicle-tokio", "tokio"), ("ossicle-core", "bytes")]).len(),
            1
        );
    }

    #[test]
    fn a_new_crate_needs_a_layer() {
        let faults = of(&[("ossicle-new", "ossicle-core")]);
        assert_eq!(faults, ["ossicle-new has no layer: give it one in xtask's deps/arrows.rs"]);
    }

    #[test]
    fn xtask_stands_apart() {
        assert_eq!(of(&[("xtask", "ossicle")]).len(), 1);
        assert_eq!(of(&[("xtask", "serde_json")]), [""; 0]);
    }
}
