//! The kit of the behaviour suite: an application on any store, a project, events in few words, checks on answers.

pub mod backend;
pub mod clickhouse;
pub mod event;
pub mod funnel;
pub mod process;
pub mod project;
pub mod request;
pub mod server_process;

pub use backend::{Backend, Running};
pub use event::{Event, ago, event};
pub use project::Project;
pub use slt;

pub type TestResult = anyhow::Result<()>;

/// Runs each named case on every store: as `columnar::case`, `postgres::case` and `clickhouse::case`.
#[macro_export]
macro_rules! backend_suite {
    ($($case:ident),+ $(,)?) => {
        $crate::backend_suite!(@store columnar Columnar $($case)+);
        $crate::backend_suite!(@store postgres Postgres $($case)+);
        $crate::backend_suite!(@store clickhouse Clickhouse $($case)+);
    };
    (@store $module:ident $backend:ident $($case:ident)+) => {
        mod $module {
            $(
                #[test]
                fn $case() -> $crate::TestResult {
                    $crate::backend::run($crate::Backend::$backend, |project| {
                        Box::pin(async move { super::$case(&project).await })
                    })
                }
            )+
        }
    };
}
