//! millrace-simulator
