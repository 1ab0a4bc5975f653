//! The operator on a real API server and a real Kafka, each behaviour in a module of its own.

#[path = "../data/answers.rs"]
mod answers;
#[path = "../data/trial.rs"]
mod trial;

mod at_rest;
mod condition_metric;
mod deletion;
mod leader;
mod many;
mod repair;
mod replicas;
mod secrets;
