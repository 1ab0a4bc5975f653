//! The binary holds the page that was built from `ui/`, so it is built anew when that is.

fn main() {
    // the folder is always there; what stands in it is the page, or nothing
    println!("cargo::rerun-if-changed=ui/dist");
}
