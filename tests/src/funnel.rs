//! Checks on funnels: the numbers, and the actors behind each of them.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::Project;
use crate::project::alike;

impl Project {
    /// Counts of the steps, by GET and by POST, each with exactly its actors behind it. Answers the steps.
    pub async fn check_funnel(&self, request: &Value, counts: Value) -> Result<Value> {
        let result = self.either_way("funnel", request).await?;
        let found = field(&result, "count")?;
        ensure!(
            found == counts,
            "counts are {found}, expected {counts}, for {request}"
        );
        self.check_steps(&result)
            .await
            .with_context(|| format!("for {request}"))?;
        Ok(result)
    }

    /// As [`Project::check_funnel`] for a breakdown: `[[value, counts], …]`.
    pub async fn check_funnels(&self, request: &Value, expected: Value) -> Result<Value> {
        let result = self.either_way("funnel", request).await?;
        let mut found = Vec::new();
        for steps in result.as_array().context("a list of funnels")? {
            let values = field(steps, "breakdown_value")?;
            ensure!(
                values
                    .as_array()
                    .is_some_and(|values| values.iter().all(|value| *value == values[0])),
                "one funnel is of {values}"
            );
            found.push(json!([values[0], field(steps, "count")?]));
            self.check_steps(steps)
                .await
                .with_context(|| format!("for {request}"))?;
        }
        let found = Value::Array(found);
        ensure!(
            found == expected,
            "answered {found}, expected {expected}, for {request}"
        );
        Ok(result)
    }

    /// Of every step: so many came there, the others of the step before did not.
    async fn check_steps(&self, steps: &Value) -> Result<()> {
        let mut before: Option<f64> = None;
        for step in steps.as_array().context("a list of steps")? {
            let count = step["count"].as_f64().context("a step has a count")?;
            self.check_link(&step["converted_people_url"], count).await?;
            match before {
                None => ensure!(step["dropped_people_url"].is_null(), "nobody is lost at {step}"),
                Some(before) => {
                    self.check_link(&step["dropped_people_url"], before - count)
                        .await?;
                }
            }
            before = Some(count);
        }
        Ok(())
    }

    /// Averages and medians of a funnel's steps, the first step's nulls included.
    pub async fn check_funnel_times(&self, request: &Value, averages: Value, medians: Value) -> Result<()> {
        let result = self.insight("funnel", request.clone()).await?;
        for (name, expected) in [
            ("average_conversion_time", averages),
            ("median_conversion_time", medians),
        ] {
            let found = field(&result, name)?;
            ensure!(
                alike(&found, &expected),
                "`{name}` is {found}, expected {expected}, for {request}"
            );
        }
        Ok(())
    }

    /// Rates of each line of a funnel's trend; those behind the links of a period must make up its rate.
    pub async fn check_rates(&self, request: &Value, expected: Value) -> Result<Value> {
        let result = self.either_way("funnel", request).await?;
        let found = field(&result, "data")?;
        ensure!(
            alike(&found, &expected),
            "rates are {found}, expected {expected}, for {request}"
        );
        for line in result.as_array().into_iter().flatten() {
            let (data, links) = (line["data"].as_array(), line["persons_urls"].as_array());
            let (data, links) = (data.context("a line has data")?, links.context("and links")?);
            ensure!(
                data.len() == links.len() && line["count"] == json!(data.len()),
                "{line}"
            );
            for (rate, links) in data.iter().zip(links) {
                let converted = self.people(&links["converted_people_url"]).await?.len() as f64;
                let dropped = self.people(&links["dropped_people_url"]).await?.len() as f64;
                let behind = match converted + dropped {
                    0.0 => 0.0,
                    all => (converted / all * 10_000.0).round() / 100.0,
                };
                ensure!(
                    alike(rate, &json!(behind)),
                    "{rate} shown, {converted} and {dropped} people behind {links}"
                );
            }
        }
        Ok(result)
    }
}

/// One field of every item of a list.
pub fn field(list: &Value, name: &str) -> Result<Value> {
    let items = list
        .as_array()
        .with_context(|| format!("a list was expected: {list}"))?;
    Ok(items.iter().map(|item| item[name].clone()).collect())
}
