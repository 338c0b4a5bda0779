//! `granary demo`: a believable product's data, sent through the same ingestion as real events.

mod story;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use metadata::{Metadata, NewProject};
use model::{Project, ProjectId, WeekStart};

use crate::app::App;
use crate::cli::DemoOptions;
use crate::now;

/// Events of one request, as an SDK would batch them.
const BATCH: usize = 1_000;

pub async fn run(options: DemoOptions) -> Result<()> {
    let app = App::open(&options.store).await?;
    let project = project(app.metadata(), options.project).await?;
    let story = story::Story {
        project: project.id,
        now: now(),
        days: options.days,
        seed: options.seed,
    };
    let progress = bar(u64::from(options.persons));
    let (mut batch, mut stored) = (Vec::new(), 0u64);
    for person in 0..options.persons {
        batch.extend(story.events_of(person));
        if batch.len() >= BATCH || person + 1 == options.persons {
            let outcome = app
                .ingest()
                .submit(std::mem::take(&mut batch), Vec::new())
                .await?;
            if let Some((_, reason)) = outcome.refused.first() {
                bail!("ingestion refused a demo event: {}", reason.detail());
            }
            stored += outcome.stored as u64;
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    app.close().await?;
    println!(
        "Stored {stored} events of {} persons in project \"{}\" (id {}).",
        options.persons, project.name, project.id
    );
    println!(
        "Its token is {}. Start the server and ask for a trend of \"$pageview\".",
        project.api_token
    );
    Ok(())
}

async fn project(metadata: &Metadata, id: Option<i64>) -> Result<Project> {
    match id {
        Some(id) => metadata
            .project(ProjectId(id))
            .await?
            .with_context(|| format!("there is no project with id {id}")),
        None => {
            let new = NewProject {
                name: "Demo".to_owned(),
                api_token: None,
                timezone: chrono_tz::UTC,
                week_start: WeekStart::Sunday,
            };
            Ok(metadata.create_project(new, now()).await?)
        }
    }
}

/// Draws on a terminal; prints nothing where there is none.
fn bar(total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} persons, {eta} left")
        .expect("the template is a constant");
    ProgressBar::new(total).with_style(style)
}
