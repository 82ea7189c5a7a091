//! Embeds the catalogue anew when a file in it was added or changed.

fn main() {
    println!("cargo::rerun-if-changed=catalogue");
}
