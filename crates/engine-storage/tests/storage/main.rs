//! Storage tested through its public interface, over real, in-memory and failing directories.

#[cfg(test)]
mod alter;
#[cfg(test)]
mod append;
#[cfg(test)]
mod auto_dictionaries;
#[cfg(test)]
mod codecs;
#[cfg(test)]
mod contains;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod layouts;
#[cfg(test)]
mod merge;
mod mutations;
#[cfg(test)]
mod partitions;
#[cfg(test)]
mod pressure;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod scan;
#[cfg(test)]
mod support;
