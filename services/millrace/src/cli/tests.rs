use clap::CommandFactory;

use super::*;

/// The command and all its subcommands.
fn all(command: &clap::Command, found: &mut Vec<clap::Command>) {
    found.push(command.clone());
    for sub in command.get_subcommands() {
        all(sub, found);
    }
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn everything_is_explained_and_every_option_has_a_variable() {
    let mut commands = Vec::new();
    all(&Cli::command(), &mut commands);
    for command in commands {
        assert!(command.get_about().is_some(), "{} is not explained", command.get_name());
        for option in command.get_opts() {
            let (command, option_name) = (command.get_name(), option.get_id());
            assert!(option.get_help().is_some(), "{command} {option_name} is not explained");
            let on_the_line_only = ["file", "force", "confirm", "purge"].contains(&option_name.as_str());
            assert!(
                on_the_line_only || option.get_env().is_some(),
                "{command} {option_name} has no variable"
            );
        }
    }
}
