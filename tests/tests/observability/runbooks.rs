//! The commands of the runbooks exist.

use std::process::Command;

use harness::binary::{self, Build};

use super::checkout;

/// The words after `millrace` in every command of every page.
fn commands() -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(checkout("docs/runbooks")).expect("the runbooks") {
        let path = file.expect("a file").path();
        let page = std::fs::read_to_string(&path).expect("a page");
        let code = page.split("```").skip(1).step_by(2).flat_map(str::lines);
        for line in code {
            let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            let own = words.iter().position(|word| word == "millrace");
            let own = own.filter(|&at| at == 0 || words[at - 1] == "--");
            found.extend(own.map(|at| (format!("{}: {line}", path.display()), words[at + 1..].to_vec())));
        }
    }
    found
}

#[test]
fn the_program_understands_every_command() {
    let commands = commands();
    assert!(commands.len() >= 6, "only {} commands", commands.len());
    let program = binary::path(Build::Plain).expect("the program is built");
    for (place, words) in commands {
        // options are judged before the help is printed
        let done = Command::new(&program).args(&words).arg("--help").output().expect("the program runs");
        assert!(done.status.success(), "{place}: {}", String::from_utf8_lossy(&done.stderr));
    }
}
