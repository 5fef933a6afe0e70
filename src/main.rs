//! The command `turnscope`: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    turnscope::run::main()
}
