//! Gives the shared library the name that programs ask the loader for. The ABI's number is in it: a library of another
//! ABI is never loaded in its place.
#![forbid(unsafe_code)]

/// `OSSICLE_ABI` of `constants.rs`; `cargo xtask install` holds the two against each other.
const ABI: u32 = 1;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let system = std::env::var("CARGO_CFG_TARGET_OS").unwrap_or_default();
    match system.as_str() {
        "windows" => {}
        "macos" | "ios" => {
            println!("cargo::rustc-cdylib-link-arg=-Wl,-install_name,@rpath/libossicle.{ABI}.dylib");
        }
        _ => println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libossicle.so.{ABI}"),
    }
}
