//! The goals of docs/lessons.md, each with its number, in driven time. What is proven in another
//! file carries its number there.

mod breaks;
mod directives;
mod numbers;
mod tracks;
