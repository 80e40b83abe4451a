//! The bill of materials of a release: CycloneDX 1.6, as JSON. https://cyclonedx.org/docs/1.6/json/

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::parts::{Id, Part, VENDORED};

/// The file's name.
pub(crate) const FILE: &str = "ossicle.cdx.json";

/// What a bill is made of beside the crates.
pub(crate) struct About<'a> {
    pub(crate) version: &'a str,
    /// The system that the library is for, as Rust names it.
    pub(crate) triple: &'a str,
    pub(crate) rustc: &'a str,
    /// Cargo features, by their label.
    pub(crate) features: &'a str,
    /// Seconds since 1970.
    pub(crate) made_s: u64,
    /// The files of the release, each with its SHA-256.
    pub(crate) files: &'a [(String, String)],
}

/// The bill for these parts, the root's own crate first.
pub(crate) fn bill(about: &About<'_>, parts: &[Part]) -> Result<Value, String> {
    let root = parts.first().ok_or("there is nothing to make a bill of")?;
    let library_of_rust = format!("pkg:generic/rust-std@{}", about.rustc);
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    for part in parts {
        let own = reference(&part.id);
        let mut uses: Vec<String> = part.uses.iter().map(reference).collect();
        for code in VENDORED.iter().filter(|code| code.crate_name == part.id.name) {
            let version = code.version(part)?;
            let reference = format!("pkg:generic/{}@{version}", code.name.to_lowercase());
            components.push(json!({
                "type": "library", "bom-ref": reference, "name": code.name, "version": version, "purl": reference,
                "licenses": [{"expression": code.licence}],
                "description": format!("C code, from inside of the crate {}", part.id.name),
                "externalReferences": [{"type": "website", "url": code.home}],
            }));
            dependencies.push(json!({"ref": reference, "dependsOn": []}));
            uses.push(reference);
        }
        if part.id == root.id {
            uses.push(library_of_rust.clone());
        } else {
            components.push(component(part));
        }
        dependencies.push(json!({"ref": own, "dependsOn": uses}));
    }
    components.push(json!({
        "type": "library", "bom-ref": library_of_rust, "name": "rust-std", "version": about.rustc,
        "purl": library_of_rust, "licenses": [{"expression": "MIT OR Apache-2.0"}],
        "externalReferences": [{"type": "website", "url": "https://www.rust-lang.org/"}],
    }));
    dependencies.push(json!({"ref": library_of_rust, "dependsOn": []}));

    let mut bill = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "metadata": {
            "timestamp": instant(about.made_s),
            "lifecycles": [{"phase": "build"}],
            "tools": {"components": [{"type": "application", "name": "cargo xtask release", "version": about.version}]},
            "authors": [{"name": "The Ossicle maintainers"}],
            "component": whole(about, root),
        },
        "components": components, "dependencies": dependencies,
    });
    // Told apart by what is in it, and so the same for the same release.
    bill["serialNumber"] = format!("urn:uuid:{}", uuid(bill.to_string().as_bytes())).into();
    Ok(bill)
}

/// The library itself, with the files of the release.
fn whole(about: &About<'_>, root: &Part) -> Value {
    let file = |(name, sum): &(String, String)| json!({"type": "file", "name": name, "hashes": [{"alg": "SHA-256", "content": sum}]});
    json!({
        "type": "library", "bom-ref": reference(&root.id), "name": "ossicle", "version": about.version,
        "purl": format!("pkg:generic/ossicle@{}", about.version),
        "licenses": [{"expression": root.licence}],
        "supplier": {"name": "The Ossicle maintainers"},
        "properties": [
            {"name": "ossicle:target", "value": about.triple},
            {"name": "ossicle:features", "value": about.features},
        ],
        "components": about.files.iter().map(file).collect::<Vec<Value>>(),
    })
}

fn component(part: &Part) -> Value {
    let mut component = json!({
        "type": "library", "bom-ref": reference(&part.id), "name": part.id.name, "version": part.id.version,
        "licenses": [{"expression": part.licence}],
    });
    if let Some(sum) = &part.checksum {
        component["purl"] = reference(&part.id).into();
        component["hashes"] = json!([{"alg": "SHA-256", "content": sum}]);
    }
    if let Some(repository) = &part.repository {
        component["externalReferences"] = json!([{"type": "vcs", "url": repository}]);
    }
    component
}

fn reference(id: &Id) -> String {
    format!("pkg:cargo/{}@{}", id.name, id.version)
}

/// A UUID of the form for those made of a hash (version 8 of RFC 9562).
fn uuid(content: &[u8]) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Sha256::digest(content)[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex(&bytes);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

/// SHA-256 in hex.
pub(crate) fn sha256(content: &[u8]) -> String {
    hex(&Sha256::digest(content))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An instant in UTC, as RFC 3339 writes it. Days are counted from 1 March of year 0, so that a leap day ends a year.
fn instant(unix_s: u64) -> String {
    const DAY_S: u64 = 86_400;
    const DAYS_TO_1970: u64 = 719_468;
    let (days, second) = (unix_s / DAY_S + DAYS_TO_1970, unix_s % DAY_S);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::{About, bill, instant, sha256, uuid};
    use crate::parts::{Id, Part};

    fn part(name: &str, checksum: Option<&str>, uses: &[&str]) -> Part {
        let id = |name: &str| Id { name: name.into(), version: "1.0.0".into() };
        Part {
            id: id(name),
            licence: "MIT".into(),
            folder: "nowhere".into(),
            repository: None,
            checksum: checksum.map(str::to_owned),
            uses: uses.iter().map(|name| id(name)).collect(),
        }
    }

    #[test]
    fn instants_are_those_of_the_calendar() {
        for (unix_s, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_868_799, "2000-02-29T23:59:59Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(instant(unix_s), text);
        }
    }

    #[test]
    fn hashes_are_those_of_the_standard() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(uuid(b"abc"), "ba7816bf-8f01-8fea-8141-40de5dae2223");
    }

    #[test]
    fn every_dependency_is_a_component_and_only_crates_of_the_registry_have_its_address() {
        let parts = [
            part("ossicle-capi", None, &["ours", "theirs"]),
            part("ours", None, &[]),
            part("theirs", Some("ab"), &[]),
        ];
        let files = [("lib/x".to_owned(), sha256(b"x"))];
        let about = About {
            version: "1.0.0",
            triple: "t",
            rustc: "1.95.0",
            features: "default",
            made_s: 0,
            files: &files,
        };
        let bill = bill(&about, &parts).unwrap();
        let components = bill["components"].as_array().unwrap();
        let mut known: Vec<&str> = components.iter().map(|one| one["bom-ref"].as_str().unwrap()).collect();
        known.push(bill["metadata"]["component"]["bom-ref"].as_str().unwrap());
        for dependency in bill["dependencies"].as_array().unwrap() {
            assert!(known.contains(&dependency["ref"].as_str().unwrap()));
            for used in dependency["dependsOn"].as_array().unwrap() {
                assert!(known.contains(&used.as_str().unwrap()), "{used}");
            }
        }
        let addresses: Vec<bool> = components.iter().map(|one| one["purl"].is_string()).collect();
        assert_eq!(addresses, [false, true, true]);
    }
}
