use clap::Parser;

use super::*;

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    args: SimulatorArgs,
}

fn parse(options: &[&str]) -> Result<SimulatorArgs, String> {
    let words = std::iter::once("simulate").chain(options.iter().copied());
    CommandLine::try_parse_from(words).map(|line| line.args).map_err(|error| error.to_string())
}

#[test]
fn without_options_it_is_the_shop_of_the_course() {
    let SimulatorArgs { rate, count, seed, users, suspicious_percent, source, follow_settings } =
        parse(&[]).unwrap();
    assert_eq!((rate, count, seed, follow_settings), (Rate::COURSE, None, None, false));
    assert_eq!((users, suspicious_percent, source.as_str()), (1_000, 5, "web"));
    assert_eq!(format!("{:?}", SimulatorArgs::default()), format!("{:?}", parse(&[]).unwrap()));
}

#[test]
fn limits_hold_at_their_ends() {
    let ends = ["--rate=0.001", "--count=1", "--users=1", "--suspicious-percent=0"];
    assert_eq!(parse(&ends).unwrap().count, Some(1));
    let ends =
        ["--rate=200000", "--users=100000000", "--suspicious-percent=100", "--seed=18446744073709551615"];
    assert_eq!(parse(&ends).unwrap().seed, Some(u64::MAX));
}

#[test]
fn a_wrong_value_is_refused_by_its_option_and_range() {
    let cases = [
        ("--rate=0", "--rate", "between 0.001 and 200000"),
        ("--rate=fast", "--rate", "not a number of orders per second"),
        ("--count=0", "--count", "0 is not in 1.."),
        ("--users=0", "--users", "0 is not in 1..=100000000"),
        ("--suspicious-percent=101", "--suspicious-percent", "101 is not in 0..=100"),
        ("--seed=-1", "--seed", "invalid digit"),
        ("--source=", "--source", "a value is required"),
    ];
    for (option, name, range) in cases {
        let message = parse(&[option]).unwrap_err();
        assert!(message.contains(name) && message.contains(range), "{option}: {message}");
    }
}
