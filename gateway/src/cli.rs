//! The command line: what the binary is asked to do, and the exit code it answers with.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};

use crate::config::{ConfigError, Environment, Flags, LoadOptions, Loaded, load};

mod api_key;
mod audit;
mod backup;
mod configuration;
mod export;
mod failure;
mod import;
mod password;
mod probe;
mod store;

pub use failure::Failure;

/// A gateway to digital twins, compatible with Eclipse Ditto.
#[derive(Debug, Parser)]
#[command(name = "twinward", version, args_conflicts_with_subcommands = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArguments,
}

/// What the binary can be asked to do.
#[derive(Debug, Subcommand)]
enum Command {
    /// Serve; the same as no command at all.
    #[command(alias = "run")]
    Serve(ServeArguments),
    /// Make and check API keys.
    #[command(subcommand)]
    ApiKey(api_key::ApiKeyCommand),
    /// Hash passwords of operators.
    #[command(subcommand)]
    Password(password::PasswordCommand),
    /// Ask the gateway of this machine whether it is ready or alive.
    Probe(probe::Probe),
    /// Check and describe the configuration.
    #[command(subcommand)]
    Config(configuration::ConfigCommand),
    /// Find audit records, and find out whether somebody changed them.
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Print all policies and things of a store that nobody serves, as JSON lines
    Export(export::Export),
    /// Take over policies and things into a store that nobody serves
    Import(import::Import),
    /// Copy a store that nobody serves, and check copies
    #[command(subcommand)]
    Backup(backup::BackupCommand),
    /// Make a store of a copy
    Restore(backup::Restore),
}

/// How to serve; flags win over the environment, which wins over the file.
#[derive(Clone, Debug, Default, Args)]
struct ServeArguments {
    /// The configuration file
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Believe x-ditto-pre-authenticated from trusted proxies
    #[arg(long)]
    enable_pre_authentication: bool,
    /// Where the public listener waits
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Where the operators' listener waits
    #[arg(long, value_name = "ADDR")]
    devops_listen: Option<String>,
    /// The folder of the store
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Show the credentials that the first start makes even if standard output is no terminal
    #[arg(long)]
    print_credentials: bool,
    /// Start although the end of the journal is damaged
    #[arg(long)]
    accept_damaged_tail: bool,
}

impl ServeArguments {
    /// Reads the configuration as these arguments say.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if it cannot be used.
    fn load(&self) -> Result<Loaded, ConfigError> {
        // A path on the command line means what it means to the shell, wherever the file lies.
        let data = self.data.as_ref();
        let data = data.map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()));
        load(&LoadOptions {
            file: self.config.clone(),
            environment: environment(),
            flags: Flags {
                enable_pre_authentication: self.enable_pre_authentication,
                listen: self.listen.clone(),
                devops_listen: self.devops_listen.clone(),
                data,
                print_credentials: self.print_credentials,
                accept_damaged_tail: self.accept_damaged_tail,
            },
        })
    }
}

/// Does what the command line asks for; `serve` runs the gateway until it is told to stop.
///
/// Exit codes: 0, 1 for an invalid key or something that was not imported, 2 for usage, 70, 74 and 78 as in [`Failure`].
pub fn run(serve: impl FnOnce(Loaded) -> anyhow::Result<()>) -> ExitCode {
    let command_line = match CommandLine::try_parse() {
        Ok(command_line) => command_line,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            // Nowhere left to complain if this fails.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let mut console = Console::of_process();
    let done = match command_line
        .command
        .unwrap_or(Command::Serve(command_line.serve))
    {
        Command::Serve(arguments) => arguments
            .load()
            .map_err(Failure::from)
            .and_then(|loaded| serve(loaded).map_err(Failure::from))
            .map(|()| ExitCode::SUCCESS),
        Command::ApiKey(command) => command.run(&mut console),
        Command::Password(command) => command.run(&mut console),
        Command::Probe(command) => command.run(&mut console),
        Command::Config(command) => command.run(&mut console),
        Command::Audit(command) => command.run(&mut console),
        Command::Export(command) => command.run(&mut console),
        Command::Import(command) => command.run(&mut console),
        Command::Backup(command) => command.run(&mut console),
        Command::Restore(command) => command.run(&mut console),
    };
    done.unwrap_or_else(|failure| {
        let _ = writeln!(io::stderr(), "twinward: {failure}");
        failure.exit_code()
    })
}

/// Where a command reads and writes.
struct Console<'a> {
    input: Box<dyn io::BufRead + 'a>,
    output: Box<dyn Write + 'a>,
    errors: Box<dyn Write + 'a>,
    environment: Environment,
}

impl Console<'static> {
    fn of_process() -> Self {
        Self {
            input: Box::new(io::stdin().lock()),
            output: Box::new(io::stdout()),
            errors: Box::new(io::stderr()),
            environment: environment(),
        }
    }
}

/// The variables of this process; what is not UTF-8 cannot be a setting.
fn environment() -> Environment {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

#[cfg(test)]
mod tests;
