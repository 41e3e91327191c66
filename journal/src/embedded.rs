//! The journal in this process: fjall below, one writer thread, group commit, hot entities in memory.
//!
//! Invariant: a change is on the disk before anything shows it: the writer syncs, then updates what is
//! kept in memory, then calls subscribers, then answers.

pub(crate) mod backup;
mod cache;
mod delta;
mod encoding;
mod group;
mod pace;
mod queue;
mod secret_file;
mod store;
mod views;
mod watermark;
mod writer;

use std::fs::{DirBuilder, File};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;
use tracing::warn;

use self::cache::HotEntities;
use self::queue::Queue;
use self::store::Store;
use self::views::Views;
use self::watermark::{Mark, WatermarkFile};
use self::writer::Writer;
use crate::{
    Append, AppendError, Base, Committed, Entity, EntityKey, EntityKind, Journal, JournalFuture,
    Position, Record, Revision, StoreError, StoreSecret, Subscriber,
};

/// The engine's folder, inside that of the store.
const ENGINE_FOLDER: &str = "journal";
const WATERMARK_FILE: &str = "journal.watermark";
const SECRET_FILE: &str = "journal.secret";

/// How an [`Embedded`] journal is opened.
#[derive(Debug, Clone)]
pub struct EmbeddedOptions {
    /// How many entities are kept in memory; one with a state above 4 KiB counts several times.
    pub hot_entities: usize,
    /// Memory for blocks of the store's files, in bytes; filled as needed.
    pub cache_bytes: u64,
    /// Goes on with what is left of a journal that lost its tail, instead of refusing to open.
    pub accept_damaged_tail: bool,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            hot_entities: 100_000,
            cache_bytes: 8 * 1024 * 1024,
            accept_damaged_tail: false,
        }
    }
}

/// A [`Journal`] in a folder of this machine, held by one process at a time.
pub struct Embedded {
    shared: Arc<Shared>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What callers and the writer thread have in common.
struct Shared {
    secret: StoreSecret,
    store: Store,
    views: Views,
    hot: HotEntities,
    queue: Queue,
    head: AtomicU64,
    /// What the watermark file says.
    remembered: AtomicU64,
    subscribers: Mutex<Arc<Vec<Arc<Subscriber>>>>,
    /// Counted by the writer alone.
    records: AtomicU64,
    commits: AtomicU64,
}

/// What was made durable since the store was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Records.
    pub records: u64,
    /// Groups of them, each with one sync.
    pub commits: u64,
}

impl Embedded {
    /// Opens the store in folder `path`, creating it if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] if another process holds it, [`StoreError::Damaged`] if records that were durable are missing
    /// or different, [`StoreError::Engine`] if files could not be read or written.
    pub fn open(path: &Path, options: EmbeddedOptions) -> Result<Arc<Self>, StoreError> {
        create_folder(path)?;
        let store = Store::open(&path.join(ENGINE_FOLDER), options.cache_bytes)?;
        let (mut watermark, mark) = WatermarkFile::open(&path.join(WATERMARK_FILE))?;
        let secret = secret_file::open(&path.join(SECRET_FILE))?;
        sync_folders(path)?;
        if let Some(mark) = mark {
            check_tail(&store, &mut watermark, mark, options.accept_damaged_tail)?;
        }
        let head = store.last_record()?.map_or(0, |(position, _)| position.0);
        let views = catch_up(&store, Position(head), options.accept_damaged_tail)?;
        let shared = Arc::new(Shared {
            secret,
            store,
            views,
            hot: HotEntities::new(options.hot_entities),
            queue: Queue::new(),
            head: AtomicU64::new(head),
            remembered: AtomicU64::new(mark.map_or(0, |mark| mark.position.0)),
            subscribers: Mutex::default(),
            records: AtomicU64::new(0),
            commits: AtomicU64::new(0),
        });
        let writer = spawn_writer(Writer::new(Arc::clone(&shared), watermark))?;
        Ok(Arc::new(Self {
            shared,
            writer: Mutex::new(Some(writer)),
        }))
    }

    /// Whether appends are still accepted: not after a failed write, nor while closing.
    pub fn accepts_writes(&self) -> bool {
        self.shared.queue.is_open()
    }

    /// How much was written, and in how many groups.
    pub fn written(&self) -> Written {
        Written {
            records: self.shared.records.load(Ordering::Relaxed),
            commits: self.shared.commits.load(Ordering::Relaxed),
        }
    }

    /// The keys of the entities in memory.
    pub fn hot_entities(&self) -> Vec<EntityKey> {
        self.shared.hot.keys()
    }

    /// Drops entities from memory; the next use reads them from the store again. Returns how many.
    pub fn forget(&self, fits: &dyn Fn(&EntityKey) -> bool) -> usize {
        self.shared.hot.forget(fits)
    }

    /// Removes these entities and their whole history for good; what they were is in no view any more.
    ///
    /// The last records of the journal must not be among theirs: append something else before, and wait until
    /// [`Embedded::remembered`] has reached it. Blocks, and expects that nobody else writes or reads them meanwhile.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the store failed; some of them may be gone then.
    pub fn erase(&self, keys: &[EntityKey]) -> Result<(), StoreError> {
        self.shared.views.settle(&self.shared.store)?;
        for key in keys {
            self.shared.store.erase(key)?;
        }
        self.forget(&|key| keys.contains(key));
        self.shared.store.compact()
    }

    /// Up to where a next start will check the journal.
    pub fn remembered(&self) -> Position {
        Position(self.shared.remembered.load(Ordering::Acquire))
    }

    /// Lets no more appends in, commits those that wait, and returns when all is on the disk; reads go on working.
    pub fn close(&self) {
        self.shared.queue.close();
        let Some(writer) = self.writer.lock().take() else {
            return;
        };
        // A subscriber that closes the journal runs on the writer thread, which cannot wait for itself.
        if writer.thread().id() != thread::current().id() && writer.join().is_err() {
            warn!("The writer of the journal had panicked");
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.close();
    }
}

impl Journal for Embedded {
    fn secret(&self) -> &StoreSecret {
        &self.shared.secret
    }

    fn append(&self, appends: Vec<Append>) -> JournalFuture<'_, Result<Committed, AppendError>> {
        Box::pin(self.shared.queue.append(appends))
    }

    fn entity(&self, key: &EntityKey) -> Result<Option<Arc<Entity>>, StoreError> {
        self.shared.entity(key)
    }

    fn entities(
        &self,
        kind: EntityKind,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(EntityKey, Arc<Entity>)>, StoreError> {
        self.shared.views.settle(&self.shared.store)?;
        let stored = self.shared.store.entities(kind, after, limit)?;
        Ok(stored
            .into_iter()
            .map(|entity| self.shared.warmed(entity))
            .collect())
    }

    fn records(&self, after: Position, limit: usize) -> Result<Vec<Arc<Record>>, StoreError> {
        let positions = after.0.saturating_add(1)..=self.head().0;
        self.shared.store.records(positions, limit)
    }

    fn history(
        &self,
        key: &EntityKey,
        from_revision: Revision,
        limit: usize,
    ) -> Result<Vec<Arc<Record>>, StoreError> {
        self.shared.views.settle_for(key, &self.shared.store)?;
        self.shared.store.history(key, from_revision, limit)
    }

    fn prune(&self, key: &EntityKey, base: &Base) -> Result<usize, StoreError> {
        let keep_from = self.remembered();
        self.shared.views.settle(&self.shared.store)?;
        self.shared.store.prune(key, base, keep_from)
    }

    fn base(&self, key: &EntityKey) -> Result<Option<Base>, StoreError> {
        self.shared.store.base(key)
    }

    fn head(&self) -> Position {
        Position(self.shared.head.load(Ordering::Acquire))
    }

    fn subscribe(&self, subscriber: Subscriber) {
        let mut subscribers = self.shared.subscribers.lock();
        Arc::make_mut(&mut subscribers).push(Arc::new(subscriber));
    }
}

impl Shared {
    fn entity(&self, key: &EntityKey) -> Result<Option<Arc<Entity>>, StoreError> {
        self.hot.entity(key, || match self.views.entity(key) {
            Some(entity) => Ok(Some(entity)),
            None => Ok(self.store.entity(key)?.map(Arc::new)),
        })
    }

    /// The copy in memory where it is not older: its memo may be filled already, and it may not be written yet.
    fn warmed(&self, (key, entity): (EntityKey, Entity)) -> (EntityKey, Arc<Entity>) {
        let hot = self.views.entity(&key).or_else(|| self.hot.peek(&key));
        let same = hot.filter(|hot| hot.revision >= entity.revision);
        (key, same.unwrap_or_else(|| Arc::new(entity)))
    }
}

/// What the newest records mean, as far as the rows for it are not there.
fn catch_up(store: &Store, head: Position, accept_damage: bool) -> Result<Views, StoreError> {
    let views = Views::default();
    match store.applied()? {
        Some(applied) if applied > head => {
            let (applied, head) = (applied.0, head.0);
            let reason = format!(
                "rows were written for record {applied}, but the journal ends at record {head}"
            );
            if !accept_damage {
                return Err(StoreError::Damaged { reason });
            }
            warn!("Going on with a damaged journal, as told: {reason}");
            store.set_applied(Position(head))?;
        }
        Some(applied) => store.replay(applied, &views)?,
        // The rows of a store that an earlier version made are all there.
        None if store.is_of_version_1(head)? => store.set_applied(head)?,
        None => store.replay(Position::START, &views)?,
    }
    Ok(views)
}

/// Compares the end of the journal with what the watermark file remembers.
fn check_tail(
    store: &Store,
    watermark: &mut WatermarkFile,
    mark: Mark,
    accept_damage: bool,
) -> Result<(), StoreError> {
    let found = store.checksum_at(mark.position)?;
    if found == Some(mark.checksum) || mark.position == Position::START {
        return Ok(());
    }
    let last = store.last_record()?;
    let end = last.map_or(0, |(position, _)| position.0);
    let durable = mark.position.0;
    let reason = match found {
        None => format!("the journal ends at record {end}, but record {durable} was durable"),
        Some(_) => format!("record {durable} is not the one that was durable"),
    };
    if !accept_damage {
        return Err(StoreError::Damaged { reason });
    }
    warn!("Going on with a damaged journal, as told: {reason}");
    let (position, checksum) = last.unwrap_or((Position::START, 0));
    watermark.reset(Mark { position, checksum })
}

fn create_folder(path: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path).map_err(|error| StoreError::Engine {
        action: "creating the folder of the store",
        source: Box::new(error),
    })
}

/// A file survives a power cut only once the folder that names it is synced, and that folder's own.
fn sync_folders(path: &Path) -> Result<(), StoreError> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    [Some(path), parent]
        .into_iter()
        .flatten()
        .try_for_each(|folder| File::open(folder)?.sync_all())
        .map_err(|error| StoreError::Engine {
            action: "syncing the folder of the store",
            source: Box::new(error),
        })
}

fn spawn_writer(writer: Writer) -> Result<JoinHandle<()>, StoreError> {
    thread::Builder::new()
        .name("journal-writer".to_owned())
        .spawn(move || writer.run())
        .map_err(|error| StoreError::Engine {
            action: "starting the writer",
            source: Box::new(error),
        })
}
