//! A new migration is noticed by an incremental build.
fn main() {
    println!("cargo::rerun-if-changed=../migrations");
    println!("cargo::rerun-if-changed=static");
}
