//! Random requests about random events: the three stores answer alike, and every number leads to as many actors.
//!
//! A failure prints the number of its data set and the request. `GRANARY_RANDOM_SEED` and `GRANARY_RANDOM_REQUESTS` change
//! what is tried.

mod actors;
mod compare;
mod data;
mod request;

use anyhow::{Context, Result, ensure};
use axum::http::{Method, StatusCode};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use tests::{Backend, Project, Running, TestResult};

use crate::data::World;
use crate::request::Asked;

/// Requests about one data set.
const PER_WORLD: usize = 100;

fn number(name: &str, default: usize) -> Result<usize> {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .with_context(|| format!("{name} is {text:?}, not a number")),
        Err(_) => Ok(default),
    }
}

fn rng(salt: &str, world: usize) -> Result<StdRng> {
    let seed = number("GRANARY_RANDOM_SEED", 1)?;
    let name = format!("{salt}/{seed}/{world}");
    Ok(StdRng::from_seed(
        *uuid::Uuid::new_v5(&uuid::Uuid::nil(), name.as_bytes())
            .as_bytes()
            .first_chunk::<16>()
            .map(|half| [*half, *half].concat())
            .context("a uuid has 16 bytes")?
            .first_chunk::<32>()
            .context("twice 16 is 32")?,
    ))
}

async fn ask(project: &Project, asked: &Asked) -> Result<(StatusCode, Value)> {
    let path = format!("/api/projects/{}/{}/", project.id, asked.path);
    project.send(Method::POST, &path, Some(&asked.body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_three_stores_agree() -> TestResult {
    let requests = number("GRANARY_RANDOM_REQUESTS", 2000)?;
    let stores = [
        Running::start(Backend::Columnar).await?,
        Running::start(Backend::Postgres).await?,
        Running::start(Backend::Clickhouse).await?,
    ];
    let mut refused = Vec::new();
    for world_number in 0..requests.div_ceil(PER_WORLD) {
        let mut rng = rng("agree", world_number)?;
        let world = World::random(&mut rng);
        let mut projects = Vec::new();
        for store in &stores {
            let project = Project::create(&store.app, &format!("world {world_number}")).await?;
            world.build(&project).await?;
            projects.push(project);
        }
        let ids = world.ids(&projects[0]).await?;
        for project in &projects[1..] {
            ensure!(
                world.ids(project).await? == ids,
                "actions and cohorts have other ids"
            );
        }
        for _ in 0..PER_WORLD.min(requests - world_number * PER_WORLD) {
            let asked = request::random(&mut rng, &ids);
            let mut answers = Vec::new();
            for project in &projects {
                let (status, mut answer) = ask(project, &asked).await?;
                answers.push((status, answer["result"].take(), answer));
            }
            let what = || format!("world {world_number}, {} {}", asked.path, asked.body);
            let (status, columnar, envelope) = &answers[0];
            ensure!(
                !status.is_server_error(),
                "columnar answered {status} {envelope}\n{}",
                what()
            );
            if !status.is_success() {
                refused.push(format!("{} {envelope}", what()));
            }
            for (name, (other_status, other, other_envelope)) in
                ["postgres", "clickhouse"].into_iter().zip(&answers[1..])
            {
                ensure!(
                    status == other_status,
                    "columnar: {status} {envelope}\n{name}: {other_status} {other_envelope}\n{}",
                    what()
                );
                if let Some(difference) = compare::difference(columnar, other, "result") {
                    anyhow::bail!("columnar and {name} differ: {difference}\n{}", what());
                }
            }
        }
    }
    // Agreement on errors proves little.
    ensure!(
        refused.len() * 20 <= requests,
        "{} of {requests} requests were refused, such as {:?}",
        refused.len(),
        refused.last()
    );
    for store in stores {
        store.app.close().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_number_leads_to_as_many_actors() -> TestResult {
    let requests = number("GRANARY_RANDOM_REQUESTS", 500)?.min(500);
    let store = Running::start(Backend::Columnar).await?;
    let mut followed = 0;
    for world_number in 0..requests.div_ceil(PER_WORLD) {
        let mut rng = rng("actors", world_number)?;
        let world = World::random(&mut rng);
        let project = Project::create(&store.app, &format!("world {world_number}")).await?;
        world.build(&project).await?;
        let ids = world.ids(&project).await?;
        for _ in 0..PER_WORLD.min(requests - world_number * PER_WORLD) {
            let asked = request::random(&mut rng, &ids);
            let (status, answer) = ask(&project, &asked).await?;
            if !status.is_success() {
                continue;
            }
            for link in actors::links(&asked, &answer["result"])? {
                let found = actors::follow(&project, &link.url).await?;
                ensure!(
                    found == link.count,
                    "{} counts {} actors, but its link leads to {found}\n{}\nworld {world_number}, {} {}",
                    link.what,
                    link.count,
                    link.url,
                    asked.path,
                    asked.body
                );
                followed += 1;
            }
        }
    }
    ensure!(followed > requests, "only {followed} links were followed");
    store.app.close().await
}
