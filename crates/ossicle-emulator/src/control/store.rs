//! Records by table and key, in memory or in an embedded database that survives a killed process.

use std::collections::BTreeMap;
use std::path::Path;

use redb::{Database, ReadableDatabase as _, ReadableTable as _, TableDefinition};
use serde_json::Value;

use crate::answer::ServiceError;
use crate::emulator::StartError;

const RECORDS: TableDefinition<'_, &str, &str> = TableDefinition::new("records");
const DATABASE: &str = "state.redb";

/// All records. What is on disk is read once; changes are written in one transaction by [`Store::commit`].
pub(crate) struct Store {
    records: BTreeMap<String, Value>,
    /// Keys changed since the last commit.
    changed: Vec<String>,
    database: Option<Database>,
    sequence: u64,
}

impl Store {
    pub(crate) fn in_memory() -> Self {
        Self { records: BTreeMap::new(), changed: Vec::new(), database: None, sequence: 0 }
    }

    /// Opens or makes the database in a folder.
    pub(crate) fn on_disk(dir: &Path) -> Result<Self, StartError> {
        let folder = |source: std::io::Error| StartError::Folder { path: dir.to_owned(), source };
        std::fs::create_dir_all(dir).map_err(folder)?;
        Self::load(&dir.join(DATABASE)).map_err(|error| StartError::State(Box::new(error)))
    }

    fn load(path: &Path) -> Result<Self, redb::Error> {
        let database = Database::create(path)?;
        let mut records: BTreeMap<String, Value> = BTreeMap::new();
        let transaction = database.begin_read()?;
        match transaction.open_table(RECORDS) {
            Ok(table) => {
                for record in table.iter()? {
                    let (key, value) = record?;
                    // A record of another version that cannot be read is left alone.
                    if let Ok(value) = serde_json::from_str(value.value()) {
                        records.insert(key.value().to_owned(), value);
                    }
                }
            }
            Err(redb::TableError::TableDoesNotExist(_)) => {}
            Err(error) => return Err(error.into()),
        }
        drop(transaction);
        let sequence = records.values().filter_map(|record| record["sequence"].as_u64()).max().unwrap_or(0);
        Ok(Self { records, changed: Vec::new(), database: Some(database), sequence })
    }

    pub(crate) fn is_on_disk(&self) -> bool {
        self.database.is_some()
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn get(&self, table: &str, key: &str) -> Option<&Value> {
        self.records.get(&format!("{table}/{key}"))
    }

    pub(crate) fn put(&mut self, table: &str, key: &str, value: Value) {
        let key = format!("{table}/{key}");
        self.records.insert(key.clone(), value);
        self.changed.push(key);
    }

    pub(crate) fn remove(&mut self, table: &str, key: &str) {
        let key = format!("{table}/{key}");
        self.records.remove(&key);
        self.changed.push(key);
    }

    /// All records of a table whose key begins with `prefix`, with their keys.
    pub(crate) fn all<'a>(&'a self, table: &str, prefix: &str) -> impl Iterator<Item = (&'a str, &'a Value)> {
        let table = format!("{table}/");
        let begin = format!("{table}{prefix}");
        self.records
            .range(begin.clone()..)
            .take_while(move |(key, _)| key.starts_with(&begin))
            .map(move |(key, value)| (&key[table.len()..], value))
    }

    /// The next number in the order of creation.
    pub(crate) fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// Writes what has changed.
    pub(crate) fn commit(&mut self) -> Result<(), ServiceError> {
        let changed = std::mem::take(&mut self.changed);
        let Some(database) = self.database.as_ref().filter(|_| !changed.is_empty()) else { return Ok(()) };
        let write = || -> Result<(), redb::Error> {
            let transaction = database.begin_write()?;
            {
                let mut table = transaction.open_table(RECORDS)?;
                for key in &changed {
                    match self.records.get(key) {
                        Some(value) => drop(table.insert(key.as_str(), value.to_string().as_str())?),
                        None => drop(table.remove(key.as_str())?),
                    }
                }
            }
            transaction.commit()?;
            Ok(())
        };
        write()
            .map_err(|_| ServiceError::modelled("InternalServerException", "the state could not be written"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn committed_records_survive_and_others_do_not() {
        let dir = tempfile::tempdir().expect("a folder");
        {
            let mut store = Store::on_disk(dir.path()).expect("a store");
            let sequence = store.next_sequence();
            store.put("a", "1", json!({ "sequence": sequence }));
            store.put("a", "2", json!({}));
            store.commit().expect("written");
            store.remove("a", "2");
            store.commit().expect("written");
            store.put("a", "3", json!({}));
        }
        let mut store = Store::on_disk(dir.path()).expect("a store");
        let keys: Vec<&str> = store.all("a", "").map(|(key, _)| key).collect();
        assert_eq!(keys, ["1"]);
        assert_eq!(store.next_sequence(), 2);
    }

    #[test]
    fn tables_and_prefixes_do_not_mix() {
        let mut store = Store::in_memory();
        for (table, key) in [("a", "x/1"), ("a", "x/2"), ("a", "xy/1"), ("ab", "x/1")] {
            store.put(table, key, json!({}));
        }
        let keys: Vec<&str> = store.all("a", "x/").map(|(key, _)| key).collect();
        assert_eq!(keys, ["x/1", "x/2"]);
    }
}
