//! The walk of every funnel: how many steps each entrance reached, and when the best of them reached each.
//!
//! Entrances that come too late are left behind at once, and only those that reached the most are looked at again: long
//! funnels have many entrances, most of which end early.

use event_store::Result;
use insights::{FunnelBreakdown, FunnelOrder, FunnelQuery};
use sql_builder::{Expr, Select, and, array, col, func, lambda, literal, not, or, param, subquery};

use crate::funnel_chain::{
    BETWEEN, Listed, carried, deadline, deadline_mark, element, int, marks, number, placed, time_of,
};

/// The mark of a question: what comes next? Greater than any other, so that what happens at the same time lies before it.
const ASKED: i64 = 255;
/// The mark of what never happened: behind all others, and a question too, which finds nothing again.
const NEVER: i64 = (1 << 62) + ASKED;

/// A row for each actor (and breakdown value): `actor`, `place` with a breakdown, and `reached`, never empty: for each
/// entrance that no exclusion discards, in order of time, `t * 256 + steps`: its time, and how many steps it reached.
pub fn reached(query: &FunnelQuery, listed: &Listed) -> Result<Select> {
    Ok(placed(query, walked(query, listed, Wanted::All)?, ["reached"]))
}

/// The most steps that one of the entrances `reached`.
pub fn most() -> Expr {
    func("arrayMax", [lambda(["r"], number(col("r"))), col("reached")])
}

/// A row for each actor (and breakdown value): `actor`, `place` with a breakdown, `steps`: the most that one of its
/// entrances reached, and `chains`: for each of those steps the times at which the entrances that came so far reached it, in
/// microseconds since the start of the range, entrances in the same order everywhere.
///
/// Unordered entrances are in order of their times, compared in turn, others in order of the first time.
pub fn best(query: &FunnelQuery, listed: &Listed) -> Result<Select> {
    let chained = match query.order {
        FunnelOrder::Ordered | FunnelOrder::Strict => {
            chained_best(query, walked(query, listed, Wanted::Best)?)
        }
        FunnelOrder::Unordered => sorted_best(query, walked(query, listed, Wanted::Best)?),
    };
    Ok(placed(query, chained, ["steps", "chains"]))
}

/// A row for each actor: `actor`, `steps`, and `chain`: the times of its earliest entrance among those that reached the most.
/// Unordered entrances at one time may differ: then the least times count.
///
/// Whatever the breakdown: actors are looked at as a whole.
pub fn firsts(query: &FunnelQuery) -> Result<Select> {
    let query = FunnelQuery {
        breakdown: None::<FunnelBreakdown>,
        ..query.clone()
    };
    let first = lambda(["times"], element(col("times"), 1));
    Ok(Select::from(subquery(best(&query, &Listed::new())?, "best"))
        .expr(col("actor"))
        .expr(col("steps"))
        .column(func("arrayMap", [first, col("chains")]), "chain"))
}

/// The entrances that somebody asks for.
#[derive(Clone, Copy)]
enum Wanted {
    All,
    /// Those that reached the most; others may be there.
    Best,
}

/// `reached` as in [`reached`], of the `wanted` entrances, beside what [`marks`] gives.
fn walked(query: &FunnelQuery, listed: &Listed, wanted: Wanted) -> Result<Select> {
    let marks = marks(query, listed)?;
    Ok(match (query.order, query.exclusions.is_empty()) {
        (FunnelOrder::Ordered | FunnelOrder::Strict, true) => in_turn(query, marks, wanted),
        (FunnelOrder::Ordered | FunnelOrder::Strict, false) => {
            let chained = chained(query, marks);
            kept(query, counted(query, chained))
        }
        (FunnelOrder::Unordered, _) => unordered(query, marks),
    })
}

/// What becomes of the marks behind which nothing comes. They are the last ones.
#[derive(Clone, Copy)]
enum Unanswered {
    /// The answer is a question itself: its number is [`ASKED`].
    Asked,
    /// The answer is [`NEVER`].
    Never,
    /// There is no answer: fewer answers than questions.
    Dropped,
}

/// Of each of the sorted marks `asked` the first of `marks` that is strictly later.
///
/// The answers are sorted again, so that they may be asked in turn. In a strict chain an answer may be an event that should
/// not have come in between; what follows from it means nothing.
///
/// Both are sorted into one array, in which what follows a question is its answer. The only lambda that needs the merged
/// array gets it as an argument: an array caught from outside would be copied for each element.
fn next_after(marks: Expr, asked: Expr, unanswered: Unanswered) -> Expr {
    let question = number(col("mark")).eq(literal(ASKED));
    let answered = || number(col("answer")).lt(literal(ASKED));
    let questions = func(
        "arrayMap",
        [lambda(["q"], func("bitOr", [col("q"), literal(ASKED)])), asked],
    );
    let merged = func("arraySort", [func("arrayConcat", [marks, questions])]);
    let filled = func(
        "arrayReverseFill",
        [
            lambda(["mark"], number(col("mark")).lt(literal(ASKED))),
            col("merged"),
        ],
    );
    let kept = match unanswered {
        Unanswered::Asked | Unanswered::Never => question,
        Unanswered::Dropped => and([question, answered()]),
    };
    let answers = func(
        "arrayFilter",
        [lambda(["answer", "mark"], kept), filled, col("merged")],
    );
    let answers = match unanswered {
        Unanswered::Asked | Unanswered::Dropped => answers,
        Unanswered::Never => {
            let answer = func("if", [answered(), col("answer"), param(NEVER)]);
            func("arrayMap", [lambda(["answer"], answer), answers])
        }
    };
    bound("merged", merged, answers)
}

/// `expr` in which `name` stands for `value`, computed once.
fn bound(name: &'static str, value: Expr, expr: Expr) -> Expr {
    element(func("arrayMap", [lambda([name], expr), array([value])]), 1)
}

/// `select` with all columns of `from`, which has been given the name.
fn over(query: &FunnelQuery, from: Select, name: &'static str) -> Select {
    let mut select = carried(query, Select::from(subquery(from, name))).expr(col("of_steps"));
    match query.order {
        FunnelOrder::Ordered | FunnelOrder::Strict => {}
        FunnelOrder::Unordered => select = select.expr(col("entered")),
    }
    select
}

/// Ordered and strict funnels without exclusions: step by step, with the entrances alone that came so far.
///
/// The state of the fold: the last mark of each entrance that goes on; beside it the entrance as in [`reached`], with as many
/// steps as it reached so far; and those that do not go on: all of them, or the last.
fn in_turn(query: &FunnelQuery, marks: Select, wanted: Wanted) -> Select {
    let state = |index: usize| element(col("state"), index);
    // What should not come in between ends a strict chain.
    let not_reached = match query.order {
        FunnelOrder::Strict => BETWEEN,
        FunnelOrder::Ordered | FunnelOrder::Unordered => ASKED,
    };
    let in_time = func(
        "bitAnd",
        [
            number(col("answer")).lt(literal(not_reached)),
            col("answer").le(deadline_mark(query, col("r"))),
        ],
    );
    let in_time = || {
        let in_time = lambda(["answer", "r"], in_time.clone());
        func("arrayMap", [in_time, col("answers"), state(2)])
    };
    let goes_on = || lambda(["item", "goes_on"], col("goes_on"));
    let on = |items: Expr| func("arrayFilter", [goes_on(), items, in_time()]);
    let counted = lambda(["r"], col("r") + literal(1));
    let ends = lambda(["item", "goes_on"], not(col("goes_on")));
    let ended = match wanted {
        Wanted::All => func(
            "arrayConcat",
            [state(3), func("arrayFilter", [ends, state(2), in_time()])],
        ),
        Wanted::Best => {
            let last = func("if", [func("notEmpty", [state(2)]), state(2), state(3)]);
            let some_go_on = func("notEmpty", [on(state(2))]);
            func("if", [some_go_on, func("emptyArrayInt64", []), last])
        }
    };
    let next = array([
        on(col("answers")),
        func("arrayMap", [counted, on(state(2))]),
        ended,
    ]);
    let answers = next_after(col("step"), state(1), Unanswered::Asked);
    let next = element(
        func(
            "arrayMap",
            [
                lambda(["answers", "state"], next),
                array([answers]),
                array([col("state")]),
            ],
        ),
        1,
    );
    let entered = || element(col("of_steps"), 1);
    let first = array([
        entered(),
        func(
            "arrayMap",
            [lambda(["mark"], col("mark") + literal(1)), entered()],
        ),
        func("emptyArrayInt64", []),
    ]);
    let walk = func(
        "arrayFold",
        [
            lambda(["state", "step"], next),
            func("arraySlice", [col("of_steps"), literal(2)]),
            first,
        ],
    );
    let all = func("arrayConcat", [element(col("walk"), 3), element(col("walk"), 2)]);
    over(
        query,
        over(query, marks, "marks_of_steps").column(walk, "walk"),
        "walks",
    )
    .column(func("arraySort", [all]), "reached")
}

/// The times of the entrances that reached the most: their last marks, asked step by step.
fn chained_best(query: &FunnelQuery, walked: Select) -> Select {
    let most = over(query, walked, "walked")
        .expr(col("reached"))
        .column(most(), "steps");
    let reached_most = func(
        "arrayFilter",
        [lambda(["r"], number(col("r")).eq(col("steps"))), col("reached")],
    );
    let entered = func("arrayMap", [lambda(["r"], col("r") - col("steps")), reached_most]);
    let last = func("arrayElement", [col("chain_so_far"), literal(-1)]);
    let next = next_after(col("step"), last, Unanswered::Asked);
    let chain = func(
        "arrayFold",
        [
            lambda(
                ["chain_so_far", "step"],
                func("arrayPushBack", [col("chain_so_far"), next]),
            ),
            func(
                "arraySlice",
                [col("of_steps"), literal(2), col("steps") - literal(1)],
            ),
            array([entered]),
        ],
    );
    let times = func("arrayMap", [lambda(["mark"], time_of(col("mark"))), col("marks")]);
    carried(query, Select::from(subquery(most, "most")))
        .expr(col("steps"))
        .column(func("arrayMap", [lambda(["marks"], times), chain]), "chains")
}

/// `marks_of_chain`: for each step the marks of the entrances that come so far whatever their time, the earlier ones.
fn chained(query: &FunnelQuery, marks: Select) -> Select {
    let last = func("arrayElement", [col("chain_so_far"), literal(-1)]);
    let longer = func(
        "arrayPushBack",
        [
            col("chain_so_far"),
            next_after(col("step"), last, Unanswered::Dropped),
        ],
    );
    let chain = func(
        "arrayFold",
        [
            lambda(["chain_so_far", "step"], longer),
            func("arraySlice", [col("of_steps"), literal(2)]),
            array([element(col("of_steps"), 1)]),
        ],
    );
    with_excluded(query, over(query, marks, "marks_of_steps")).column(chain, "marks_of_chain")
}

/// `counts`: for each entrance of a chain the mark of its deadline, with how many steps it reached as the number; and
/// `after0`, `after1`, …: the first excluded event behind the start of exclusion 0, 1, ….
fn counted(query: &FunnelQuery, chained: Select) -> Select {
    let counted = || col("count") + col("mark").le(func("bitOr", [col("count"), literal(255)]));
    let counted = match query.order {
        FunnelOrder::Ordered | FunnelOrder::Unordered => counted(),
        // What follows an event that came in between is not in time.
        FunnelOrder::Strict => func(
            "if",
            [
                number(col("mark")).eq(literal(BETWEEN)),
                number(col("count")) - param(NEVER - ASKED),
                counted(),
            ],
        ),
    };
    let aligned = func(
        "arrayResize",
        [col("marks"), func("length", [col("all_counts")]), param(NEVER)],
    );
    let counts = func(
        "arrayFold",
        [
            lambda(
                ["all_counts", "marks"],
                func(
                    "arrayMap",
                    [lambda(["count", "mark"], counted), col("all_counts"), aligned],
                ),
            ),
            func("arraySlice", [col("marks_of_chain"), literal(2)]),
            until(query, element(col("marks_of_chain"), 1), 1),
        ],
    );
    let mut select = over(query, chained, "chained")
        .expr(col("marks_of_chain"))
        .column(counts, "counts");
    for (i, exclusion) in query.exclusions.iter().enumerate() {
        let since = of_chain(exclusion.from_step.min(query.steps.len() - 1));
        let excluded = next_after(col(format!("x{i}")), since, Unanswered::Never);
        select = select.column(excluded, format!("after{i}"));
    }
    select
}

/// The marks of the deadlines of some entrances, with a number of steps.
fn until(query: &FunnelQuery, entered: Expr, steps: i64) -> Expr {
    let until = deadline_mark(query, col("mark")) - literal(255 - steps);
    func("arrayMap", [lambda(["mark"], until), entered])
}

/// The marks of a step of a chain, one for each entrance.
fn of_chain(step: usize) -> Expr {
    let marks = element(col("marks_of_chain"), step + 1);
    if step == 0 {
        return marks;
    }
    let entrances = func("length", [element(col("marks_of_chain"), 1)]);
    func("arrayResize", [marks, entrances, param(NEVER)])
}

/// Only the entrances of a chain that no exclusion discards, only actors that have one.
fn kept(query: &FunnelQuery, counted: Select) -> Select {
    let mut names = vec!["entered".to_owned(), "count".to_owned()];
    let mut arrays = vec![of_chain(0), col("counts")];
    let mut discards = Vec::new();
    let last = query.steps.len() - 1;
    for (i, exclusion) in query.exclusions.iter().enumerate() {
        let (from_step, to_step) = (exclusion.from_step.min(last), exclusion.to_step.min(last));
        let reached = |step: usize| number(col("count")).gt(literal(int(step)));
        let (from, to) = (format!("from{i}"), format!("to{i}"));
        // Where the step was not reached there may be no time to reckon with.
        let since = func("if", [reached(from_step), col(from.clone()), col("entered")]);
        let end = func(
            "if",
            [
                reached(to_step),
                time_of(col(to.clone())),
                deadline(query, time_of(since)),
            ],
        );
        let after = format!("after{i}");
        let excluded = time_of(col(after.clone())).lt(end);
        discards.push(and([reached(from_step), excluded]));
        names.extend([from, to, after.clone()]);
        arrays.extend([of_chain(from_step), of_chain(to_step), col(after)]);
    }
    let steps = func("if", [or(discards), literal(0), number(col("count"))]);
    let all = [lambda(names, col("entered") + steps)].into_iter().chain(arrays);
    let counted = over(query, counted, "counted").column(func("arrayMap", all), "with_discarded");
    let stays = lambda(["r"], number(col("r")).gt(literal(0)));
    let kept = over(query, counted, "with_discarded_ones")
        .column(func("arrayFilter", [stays, col("with_discarded")]), "reached");
    nonempty(query, kept)
}

fn nonempty(query: &FunnelQuery, kept: Select) -> Select {
    over(query, kept, "kept")
        .expr(col("reached"))
        .filter(func("notEmpty", [col("reached")]))
}

/// Every step's event is an entrance; of each other step the first event behind it counts. Exclusions discard entrances up to
/// their last time when they reached all steps, or else up to the deadline.
///
/// The state of the fold: the marks of all entrances; beside it those of their deadlines, with the steps reached so far as the
/// number; and where there are exclusions the last mark so far.
fn unordered(query: &FunnelQuery, marks: Select) -> Select {
    let excludes = !query.exclusions.is_empty();
    let state = |index: usize| element(col("state"), index);
    let in_time = col("mark").le(func("bitOr", [col("count"), literal(255)]));
    let counted = func(
        "arrayMap",
        [
            lambda(["count", "mark"], col("count") + in_time),
            state(2),
            col("times"),
        ],
    );
    let later = lambda(["a", "b"], func("greatest", [col("a"), col("b")]));
    let mut next = vec![state(1), counted];
    let mut first = vec![col("entered"), until(query, col("entered"), 0)];
    if excludes {
        next.push(func("arrayMap", [later, state(3), col("times")]));
        first.push(col("entered"));
    }
    let next = func(
        "arrayMap",
        [
            lambda(["times", "state"], array(next)),
            array([turned(state(1))]),
            array([col("state")]),
        ],
    );
    let walk = func(
        "arrayFold",
        [
            lambda(["state", "step", "turn"], element(next, 1)),
            col("of_steps"),
            func("arrayEnumerate", [col("of_steps")]),
            array(first),
        ],
    );
    let mut walks = over(query, marks, "marks_of_steps").column(walk, "walk");
    for i in 0..query.exclusions.len() {
        let after = next_after(col(format!("x{i}")), col("entered"), Unanswered::Never);
        walks = walks.column(after, format!("after{i}"));
    }
    let steps = |count: Expr| col("mark") - number(col("mark")) + count;
    if !excludes {
        let reached = lambda(["mark", "count"], steps(number(col("count"))));
        let arrays = [col("entered"), element(col("walk"), 2)];
        return over(query, walks, "walks")
            .column(func("arrayMap", [reached].into_iter().chain(arrays)), "reached");
    }
    let complete = number(col("count")).eq(literal(int(query.steps.len())));
    let end = func(
        "if",
        [
            complete,
            time_of(col("latest")),
            deadline(query, time_of(col("mark"))),
        ],
    );
    let afters = || (0..query.exclusions.len()).map(|i| format!("after{i}"));
    let discarded = or(afters().map(|after| time_of(col(after)).lt(end.clone())));
    let left = func("if", [discarded, literal(0), number(col("count"))]);
    let names = ["mark", "count", "latest"].map(str::to_owned);
    let arrays = [col("entered"), element(col("walk"), 2), element(col("walk"), 3)];
    let all = [lambda(names.into_iter().chain(afters()), steps(left))]
        .into_iter()
        .chain(arrays)
        .chain(afters().map(col));
    let all = carried(query, Select::from(subquery(walks, "walks")))
        .expr(col("of_steps"))
        .column(col("entered"), "all_entered")
        .column(func("arrayMap", all), "all_reached");
    let stays = number(col("r")).gt(literal(0));
    let entered = [
        lambda(["mark", "r"], stays.clone()),
        col("all_entered"),
        col("all_reached"),
    ];
    let kept = carried(query, Select::from(subquery(all, "with_discarded")))
        .expr(col("of_steps"))
        .column(func("arrayFilter", entered), "entered")
        .column(
            func("arrayFilter", [lambda(["r"], stays), col("all_reached")]),
            "reached",
        );
    nonempty(query, kept)
}

/// Of each of the marks `entered` its mark of `step`: its own where it is one, or else the first that is later.
fn turned(entered: Expr) -> Expr {
    let own = number(col("mark")).eq(col("turn") - literal(1));
    let mark = lambda(["mark", "next"], func("if", [own, col("mark"), col("next")]));
    let next = next_after(col("step"), entered.clone(), Unanswered::Never);
    func("arrayMap", [mark, entered, next])
}

/// The times of the entrances that reached the most, sorted for each of them.
fn sorted_best(query: &FunnelQuery, walked: Select) -> Select {
    let carried = |from: Select, name: &'static str| {
        carried(query, Select::from(subquery(from, name))).expr(col("steps"))
    };
    let most = over(query, walked, "walked")
        .expr(col("reached"))
        .column(most(), "steps");
    let reached_most = lambda(["mark", "r"], number(col("r")).eq(col("steps")));
    let entered = func("arrayFilter", [reached_most, col("entered"), col("reached")]);
    let entered = carried(most, "most")
        .expr(col("of_steps"))
        .column(entered, "best_entered");
    let marks = func(
        "arrayMap",
        [
            lambda(["step", "turn"], turned(col("best_entered"))),
            col("of_steps"),
            func("arrayEnumerate", [col("of_steps")]),
        ],
    );
    let chained = carried(entered, "best")
        .expr(col("best_entered"))
        .column(marks, "marks_of_chain");

    let steps = query.steps.len();
    let names: Vec<_> = (0..steps).map(|step| format!("m{step}")).collect();
    let marks = array(names.iter().map(|name| col(name.clone())));
    let in_time = func(
        "arrayFilter",
        [lambda(["mark"], col("mark").le(col("until"))), marks],
    );
    let times = func("arrayMap", [lambda(["mark"], time_of(col("mark"))), in_time]);
    let turned_over = [lambda(
        names.into_iter().chain(["until".to_owned()]),
        func("arraySort", [times]),
    )]
    .into_iter()
    .chain((0..steps).map(|step| element(col("marks_of_chain"), step + 1)))
    .chain([until(query, col("best_entered"), 255)]);
    let sorted = carried(chained, "chained").column(
        func("arraySort", [func("arrayMap", turned_over)]),
        "times_of_entrances",
    );
    let flat = carried(sorted, "sorted")
        .column(func("arrayFlatten", [col("times_of_entrances")]), "flat")
        .column(func("length", [col("times_of_entrances")]), "entrances");
    // All have as many times: turned over again they are ordered by the place among those of their entrance.
    let place = func("modulo", [col("i") - literal(1), col("steps")]);
    let by_step = func(
        "arraySort",
        [
            lambda(["time", "i"], place * param(1i64 << 32) + col("i")),
            col("flat"),
            func("arrayEnumerate", [col("flat")]),
        ],
    );
    let first_of_step = func("modulo", [col("i") - literal(1), col("entrances")]).eq(literal(0));
    let chain = func(
        "arraySplit",
        [
            lambda(["time", "i"], first_of_step),
            by_step,
            func("arrayEnumerate", [col("flat")]),
        ],
    );
    carried(flat, "flattened").column(chain, "chains")
}

fn with_excluded(query: &FunnelQuery, mut select: Select) -> Select {
    for i in 0..query.exclusions.len() {
        select = select.expr(col(format!("x{i}")));
    }
    select
}
