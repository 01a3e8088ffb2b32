//! The product as its users meet it, in one binary: the programs over real sockets, a real browser,
//! a network of its own in which every packet is seen; and the shape of the source tree.

#[cfg(test)]
mod asking;
#[cfg(test)]
mod attached;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod backup_kept;
#[cfg(test)]
mod backup_page;
#[cfg(test)]
mod backup_sent;
#[cfg(test)]
mod bridge;
#[cfg(test)]
mod broker;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod button;
#[cfg(test)]
mod canary;
#[cfg(test)]
mod card;
#[cfg(test)]
mod connect;
#[cfg(test)]
mod consent;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod device;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod entry;
#[cfg(test)]
mod files;
#[cfg(test)]
mod flows;
#[cfg(test)]
mod format;
#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod health;
#[cfg(test)]
mod interrupted;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod model;
#[cfg(test)]
mod mosquitto;
#[cfg(test)]
mod person;
#[cfg(test)]
mod process;
#[cfg(test)]
mod readable;
#[cfg(test)]
mod reader;
#[cfg(test)]
mod records;
#[cfg(test)]
mod relay;
#[cfg(test)]
mod reset;
#[cfg(test)]
mod service_manager;
#[cfg(test)]
mod silence;
#[cfg(test)]
mod source;
#[cfg(test)]
mod tour;
#[cfg(test)]
mod units;
#[cfg(test)]
mod update;
#[cfg(test)]
mod webdriver;
