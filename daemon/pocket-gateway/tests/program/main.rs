//! The gateway as the daemon meets it: a process of its own, called over its socket, and real servers of
//! the test's own that it calls, good ones and bad ones.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod broker;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod courier;
#[cfg(test)]
mod gateway;
#[cfg(test)]
mod grants;
#[cfg(test)]
mod links;
#[cfg(test)]
mod process;
#[cfg(test)]
mod server;
