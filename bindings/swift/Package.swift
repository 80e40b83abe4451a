// swift-tools-version:6.0
import PackageDescription

let package = Package(
    name: "Ossicle",
    platforms: [.macOS(.v13), .iOS(.v16)],
    products: [
        .library(name: "Ossicle", targets: ["Ossicle"])
    ],
    targets: [
        // The installed C library, found by pkg-config: `cargo xtask install --prefix PREFIX`, then PKG_CONFIG_PATH.
        .systemLibrary(name: "COssicle", path: "Sources/COssicle", pkgConfig: "ossicle"),
        .target(name: "Ossicle", dependencies: ["COssicle"]),
        // A microphone by AVAudioEngine where there is one, a synthetic one elsewhere.
        .executableTarget(name: "TapExample", dependencies: ["Ossicle"], path: "Examples/Tap"),
        .testTarget(name: "OssicleTests", dependencies: ["Ossicle"]),
    ],
    swiftLanguageModes: [.v5]
)
