//! How long a parser is tried, and from which seed.

use std::time::{Duration, Instant};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngSeed, TestCaseResult, TestError, TestRunner};

/// How long each parser is tried unless `FUZZ_SECONDS` says otherwise.
const USUAL_SECONDS: u64 = 5;
/// Between two looks at the clock; each round has a seed of its own.
const CASES_A_ROUND: u32 = 500;

/// Tries inputs until the time is over. What fails is made as small as it gets, and told with its seed.
pub fn fuzz<S: Strategy>(inputs: S, check: impl Fn(S::Value) -> TestCaseResult) {
    let end = Instant::now() + Duration::from_secs(number("FUZZ_SECONDS").unwrap_or(USUAL_SECONDS));
    let given = number("FUZZ_SEED");
    let mut rounds = 0;
    while rounds == 0 || (given.is_none() && Instant::now() < end) {
        let seed = given.unwrap_or_else(rand::random);
        let config = Config {
            cases: CASES_A_ROUND,
            rng_seed: RngSeed::Fixed(seed),
            failure_persistence: None,
            ..Config::default()
        };
        match TestRunner::new(config).run(&inputs, &check) {
            Ok(()) => rounds += 1,
            Err(TestError::Fail(reason, input)) => panic!("FUZZ_SEED={seed} finds {input:?}: {reason}"),
            Err(TestError::Abort(reason)) => panic!("FUZZ_SEED={seed}: {reason}"),
        }
    }
    println!("{} inputs", rounds * CASES_A_ROUND);
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}
