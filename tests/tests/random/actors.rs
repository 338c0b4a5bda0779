//! The links of an answer whose number counts actors, and what they lead to.

use anyhow::{Context, Result, ensure};
use axum::http::{Method, StatusCode};
use serde_json::Value;
use tests::Project;

use crate::request::Asked;

pub struct Link {
    pub what: String,
    pub url: String,
    pub count: u64,
}

/// How many actors a link leads to.
pub async fn follow(project: &Project, url: &str) -> Result<u64> {
    let path = format!("/{}&limit=1000", url.trim_start_matches('/'));
    let (status, answer) = project.send(Method::GET, &path, None).await?;
    ensure!(status == StatusCode::OK, "{path} answered {status} {answer}");
    let people = match &answer["results"][0]["people"] {
        Value::Array(people) => people.len(),
        _ => answer["result"]
            .as_array()
            .with_context(|| format!("{path} answered no list: {answer}"))?
            .len(),
    };
    Ok(people as u64)
}

/// Numbers that count actors, with their links.
pub fn links(asked: &Asked, result: &Value) -> Result<Vec<Link>> {
    match asked.path {
        "insights/trend" => trend(asked, result),
        "insights/lifecycle" | "insights/stickiness" => series(result),
        "insights/retention" => retention(result),
        "insights/funnel" => funnel(result),
        "insights/funnel/correlation" => correlation(result),
        _ => Ok(Vec::new()),
    }
}

fn list<'a>(value: &'a Value, what: &str) -> Result<&'a Vec<Value>> {
    value
        .as_array()
        .with_context(|| format!("{what} is no list but {value}"))
}

fn link(what: String, url: &Value, count: &Value) -> Result<Link> {
    let url = url
        .as_str()
        .with_context(|| format!("{what} has the link {url}"))?;
    let number = count.as_f64().with_context(|| format!("{what} is {count}"))?;
    Ok(Link {
        what,
        url: url.to_owned(),
        count: number.abs() as u64,
    })
}

/// One number a tick, each with its link.
fn series(result: &Value) -> Result<Vec<Link>> {
    let mut links = Vec::new();
    for (index, series) in list(result, "the result")?.iter().enumerate() {
        let urls = list(&series["persons_urls"], "persons_urls")?;
        let data = list(&series["data"], "data")?;
        ensure!(
            urls.len() == data.len(),
            "series {index} has {} links",
            urls.len()
        );
        for (tick, (value, url)) in data.iter().zip(urls).enumerate() {
            links.push(link(format!("result[{index}].data[{tick}]"), &url["url"], value)?);
        }
    }
    Ok(links)
}

fn trend(asked: &Asked, result: &Value) -> Result<Vec<Link>> {
    let body = &asked.body;
    let changed = |key: &str| body.get(key).is_some_and(|value| !value.is_null());
    if changed("formula") || changed("smoothing_intervals") {
        return Ok(Vec::new());
    }
    let cumulative = body["display"] == "ActionsLineGraphCumulative";
    let mut links = Vec::new();
    for (index, series) in list(result, "the result")?.iter().enumerate() {
        let counts_actors = match series["action"]["math"].as_str() {
            Some("dau" | "unique_group") => true,
            Some("weekly_active" | "monthly_active") => !cumulative,
            _ => false,
        };
        if !counts_actors {
            continue;
        }
        if let Some(value) = series.get("aggregated_value").filter(|value| !value.is_null()) {
            let what = format!("result[{index}].aggregated_value");
            links.push(link(what, &series["persons"]["url"], value)?);
            continue;
        }
        let urls = list(&series["persons_urls"], "persons_urls")?;
        for (tick, (value, url)) in list(&series["data"], "data")?.iter().zip(urls).enumerate() {
            links.push(link(format!("result[{index}].data[{tick}]"), &url["url"], value)?);
        }
    }
    Ok(links)
}

fn retention(result: &Value) -> Result<Vec<Link>> {
    let mut links = Vec::new();
    for (row, values) in list(result, "the result")?.iter().enumerate() {
        for (column, value) in list(&values["values"], "values")?.iter().enumerate() {
            let what = format!("result[{row}].values[{column}]");
            links.push(link(what, &value["people_url"], &value["count"])?);
        }
    }
    Ok(links)
}

fn funnel(result: &Value) -> Result<Vec<Link>> {
    let Value::Array(outer) = result else {
        return Ok(Vec::new());
    };
    let mut links = Vec::new();
    for (index, item) in outer.iter().enumerate() {
        match item {
            Value::Array(steps) => steps_of(steps, &format!("result[{index}]"), &mut links)?,
            Value::Object(step) if step.contains_key("converted_people_url") => {
                steps_of(outer, "result", &mut links)?;
                break;
            }
            // Rates by period.
            _ => {}
        }
    }
    Ok(links)
}

fn steps_of(steps: &[Value], at: &str, links: &mut Vec<Link>) -> Result<()> {
    for (index, step) in steps.iter().enumerate() {
        let what = format!("{at}[{index}].count");
        links.push(link(what, &step["converted_people_url"], &step["count"])?);
        if index > 0 {
            let count = |step: &Value| step["count"].as_u64().context("a count is a whole number");
            let dropped = Value::from(count(&steps[index - 1])? - count(step)?);
            let what = format!("dropped before {at}[{index}]");
            links.push(link(what, &step["dropped_people_url"], &dropped)?);
        }
    }
    Ok(())
}

fn correlation(result: &Value) -> Result<Vec<Link>> {
    let mut links = Vec::new();
    for (index, item) in list(&result["events"], "events")?.iter().enumerate() {
        for side in ["success", "failure"] {
            links.push(link(
                format!("events[{index}].{side}_count"),
                &item[format!("{side}_people_url")],
                &item[format!("{side}_count")],
            )?);
        }
    }
    Ok(links)
}
