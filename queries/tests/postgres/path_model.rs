//! What paths must answer, said as plainly as can be.
//!
//! Follows the words of `insights::PathsQuery`. Of rewriting it knows patterns that are plain text.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use insights::{FunnelPlace, PathActorsQuery, PathEdge, PathRewrite, PathsQuery};

use crate::funnel_model::{Happened, chains};

/// Nodes of a visit with their times.
type Visit = Vec<(String, DateTime<Utc>)>;

pub fn paths(query: &PathsQuery, events: &[Happened]) -> Vec<PathEdge> {
    let mut took: BTreeMap<(String, String), Vec<f64>> = BTreeMap::new();
    for (_, visit) in visits(query, events) {
        for edge in visit.windows(2) {
            let ms = (edge[1].1 - edge[0].1).as_seconds_f64() * 1e3;
            took.entry((edge[0].0.clone(), edge[1].0.clone()))
                .or_default()
                .push(ms);
        }
    }
    let mut edges: Vec<PathEdge> = took
        .into_iter()
        .map(|((source, target), took)| PathEdge {
            source,
            target,
            value: took.len() as u64,
            average_time: took.iter().sum::<f64>() / took.len() as f64,
        })
        .filter(|edge| query.min_weight.is_none_or(|least| edge.value >= least))
        .filter(|edge| query.max_weight.is_none_or(|most| edge.value <= most))
        .collect();
    // Stable: source and target stay ascending.
    edges.sort_by_key(|edge| std::cmp::Reverse(edge.value));
    edges.truncate(query.edge_limit.map_or(usize::MAX, |limit| limit as usize));
    edges
}

pub fn actors(query: &PathActorsQuery, events: &[Happened]) -> Vec<String> {
    let found: BTreeSet<String> = visits(&query.paths, events)
        .into_iter()
        .filter(|(_, visit)| {
            let has_edge = visit.windows(2).any(|edge| {
                query.from.as_ref().is_none_or(|from| edge[0].0 == *from)
                    && query.to.as_ref().is_none_or(|to| edge[1].0 == *to)
            });
            (has_edge || (query.from.is_none() && query.to.is_none()))
                && query
                    .dropoff
                    .as_ref()
                    .is_none_or(|node| visit.last().is_some_and(|last| last.0 == *node))
        })
        .map(|(actor, _)| actor)
        .collect();
    found
        .into_iter()
        .skip(query.offset as usize)
        .take(query.limit as usize)
        .collect()
}

/// What is left of every visit of everybody.
fn visits(query: &PathsQuery, events: &[Happened]) -> Vec<(String, Visit)> {
    let mut items: BTreeMap<&str, Vec<(DateTime<Utc>, String)>> = BTreeMap::new();
    let chains: Option<BTreeMap<_, _>> = query
        .funnel
        .as_ref()
        .map(|part| self::chains(&part.funnel, events).into_iter().collect());
    for event in events {
        let inside = match (&query.funnel, &chains) {
            (Some(part), Some(chains)) => chains.get(&event.actor).is_some_and(|chain| {
                let reached = |step: usize| chain.get(step).copied();
                part.reached.contains(&chain.len())
                    && match part.at {
                        FunnelPlace::Before(last) => reached(last).is_some_and(|at| event.at <= at),
                        FunnelPlace::After(first) => reached(first).is_some_and(|at| event.at >= at),
                        FunnelPlace::Between(last) => {
                            reached(last).is_some_and(|at| event.at <= at && event.at >= chain[last - 1])
                        }
                    }
            }),
            _ => true,
        };
        let item = item(query, event);
        if inside
            && event.at >= query.range.from
            && event.at < query.range.to
            && event.meets(&query.condition)
            && !query.excluded.contains(&item)
        {
            items.entry(&event.actor).or_default().push((event.at, item));
        }
    }
    let mut visits = Vec::new();
    for (actor, mut items) in items {
        items.sort();
        let mut open: Vec<(DateTime<Utc>, String)> = Vec::new();
        let mut before = None;
        for (at, item) in items {
            if before.is_some_and(|before| at - before >= query.visit_gap) {
                visits.push((actor.to_owned(), std::mem::take(&mut open)));
            }
            before = Some(at);
            if open.last().is_some_and(|(_, last)| *last == item) {
                open.pop();
            }
            open.push((at, item));
        }
        visits.push((actor.to_owned(), open));
    }
    visits
        .into_iter()
        .filter_map(|(actor, visit)| {
            let left = cut(query, &visit)?;
            let nodes = left.into_iter().enumerate();
            Some((
                actor,
                nodes
                    .map(|(i, (at, item))| (format!("{}_{item}", i + 1), at))
                    .collect(),
            ))
        })
        .collect()
}

fn item(query: &PathsQuery, event: &Happened) -> String {
    let text = |key| event.text(key).unwrap_or_default().to_owned();
    let mut item = match event.name.as_str() {
        "$pageview" => {
            let url = text("$current_url");
            match url.strip_suffix('/') {
                Some(shorter) if !shorter.is_empty() => shorter.to_owned(),
                _ => url,
            }
        }
        "$screen" => text("$screen_name"),
        name => name.to_owned(),
    };
    match &query.rewrite {
        PathRewrite::None => {}
        PathRewrite::Groupings(groupings) => {
            if let Some((_, text)) = groupings.iter().find(|(pattern, _)| item.contains(pattern)) {
                item = text.clone();
            }
        }
        PathRewrite::Replacements(replacements) => {
            for (pattern, alias) in replacements {
                item = item.replace(pattern, alias);
            }
        }
    }
    item
}

fn cut(query: &PathsQuery, visit: &[(DateTime<Utc>, String)]) -> Option<Vec<(DateTime<Utc>, String)>> {
    let limit = query.step_limit as usize;
    let find = |item: &String, from: usize| Some(from + visit[from..].iter().position(|one| one.1 == *item)?);
    Some(match (&query.start, &query.end) {
        (None, None) => visit[..visit.len().min(limit)].to_vec(),
        (Some(start), None) => {
            let start = find(start, 0)?;
            visit[start..visit.len().min(start + limit)].to_vec()
        }
        (None, Some(end)) => {
            let end = find(end, 0)? + 1;
            visit[end.saturating_sub(limit)..end].to_vec()
        }
        (Some(start), Some(end)) => {
            let start = find(start, 0)?;
            let end = find(end, start)? + 1;
            let whole = &visit[start..end];
            if whole.len() <= limit {
                return Some(whole.to_vec());
            }
            let half = limit / 2;
            let middle = [(whole[half].0, "...".to_owned())];
            [&whole[..half], &middle, &whole[whole.len() - half..]].concat()
        }
    })
}
