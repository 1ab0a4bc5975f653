//! Prints the `OpenAPI` document, which is committed as `openapi.json`.

fn main() {
    print!("{}", dashboard::openapi());
}
