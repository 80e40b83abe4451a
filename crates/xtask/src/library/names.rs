//! What the library's files are called on each system. Only Linux is tried here.

use crate::tree::Tree;

/// The names of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    /// The shared library, as cargo calls it.
    pub(crate) built_shared: String,
    /// The static library, as cargo calls it.
    pub(crate) built_archive: String,
    /// The shared library, as it is installed.
    pub(crate) shared: String,
    /// The name that programs ask the loader for; the ABI's number is in it.
    pub(crate) loaded: String,
    /// Names that are links: each with what it points to.
    pub(crate) links: Vec<(String, String)>,
    /// The static library, as it is installed.
    pub(crate) archive: String,
    /// What a linker on Windows reads in place of the DLL: as cargo calls it, and as it is installed.
    pub(crate) import: Option<(String, String)>,
}

impl Names {
    /// For the system that this runs on.
    pub(crate) fn of_this_system(tree: &Tree) -> Result<Names, String> {
        Ok(Names::of(std::env::consts::OS, &tree.version(), super::abi(tree)?))
    }

    fn of(system: &str, version: &str, abi: u32) -> Names {
        match system {
            "windows" => Names {
                built_shared: "ossicle_capi.dll".into(),
                built_archive: "ossicle_capi.lib".into(),
                shared: format!("ossicle-{abi}.dll"),
                loaded: format!("ossicle-{abi}.dll"),
                links: Vec::new(),
                archive: "ossicle-static.lib".into(),
                import: Some(("ossicle_capi.dll.lib".into(), "ossicle.lib".into())),
            },
            "macos" | "ios" => {
                let (shared, loaded) =
                    (format!("libossicle.{version}.dylib"), format!("libossicle.{abi}.dylib"));
                Names {
                    built_shared: "libossicle_capi.dylib".into(),
                    links: vec![
                        (loaded.clone(), shared.clone()),
                        ("libossicle.dylib".into(), loaded.clone()),
                    ],
                    shared,
                    loaded,
                    ..Names::of_archive()
                }
            }
            _ => {
                let (shared, loaded) = (format!("libossicle.so.{version}"), format!("libossicle.so.{abi}"));
                Names {
                    built_shared: "libossicle_capi.so".into(),
                    links: vec![(loaded.clone(), shared.clone()), ("libossicle.so".into(), loaded.clone())],
                    shared,
                    loaded,
                    ..Names::of_archive()
                }
            }
        }
    }

    fn of_archive() -> Names {
        Names {
            built_shared: String::new(),
            built_archive: "libossicle_capi.a".into(),
            shared: String::new(),
            loaded: String::new(),
            links: Vec::new(),
            archive: "libossicle.a".into(),
            import: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn links_lead_from_the_linkers_name_over_the_loaders_to_the_file() {
        let names = Names::of("linux", "0.1.0", 1);
        assert_eq!(
            (names.shared.as_str(), names.loaded.as_str()),
            ("libossicle.so.0.1.0", "libossicle.so.1")
        );
        let link = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(
            names.links,
            [link("libossicle.so.1", "libossicle.so.0.1.0"), link("libossicle.so", "libossicle.so.1")]
        );
    }
}
