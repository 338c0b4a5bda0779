//! A text that changes with every change of what answers are made of, on a server.

use sql_builder::{Statement, Value};

/// Where answers come from. Not the ledger: it only says what became of what was sent.
const TABLES: [&str; 7] = [
    "events",
    "sharded_events",
    "person",
    "person_distinct_id2",
    "groups",
    "person_static_cohort",
    "cohortpeople",
];

/// Column `version`.
///
/// A server gives every insert (and every mutation) into a table a block number that is greater than all before; a merge
/// keeps the greatest of its parts. So the newest numbers of the active parts tell any change, by whomever it was made, and
/// cost a look at a list in memory however many rows there are. They are those of all projects: a change of another one
/// changes the text too. In a cluster every replica is asked, as an answer may come from any of them; one that is down only
/// makes another text.
pub fn data_version(cluster: Option<&str>) -> Statement {
    let (parts, settings) = match cluster {
        None => ("system.parts", ""),
        Some(_) => (
            "clusterAllReplicas({p1:String}, system.parts)",
            "\nSETTINGS skip_unavailable_shards = 1",
        ),
    };
    let tables = TABLES.iter().map(|&table| table.to_owned()).collect::<Vec<_>>();
    let params = std::iter::once(Value::Texts(tables))
        .chain(cluster.map(Value::from))
        .collect();
    Statement {
        sql: format!(
            "SELECT toString(sum(cityHash64(host, table, partition_id, newest))) AS version
FROM
(
    SELECT
        hostName() AS host,
        table,
        partition_id,
        max(greatest(toInt64(max_block_number), toInt64(data_version))) AS newest
    FROM {parts}
    WHERE database = currentDatabase() AND active AND table IN {{p0:Array(String)}}
    GROUP BY host, table, partition_id
) AS parts{settings}"
        ),
        params,
    }
}
