//! Power cuts: what was acknowledged is there whenever the power goes, whatever the disk had kept of the rest.
//!
//! What the database and the journals beside it do to their files is recorded while items come in. Then the power is cut at every place of that
//! recording where something may be lost: a file holds all that was synced, and of what was not any part in any
//! order, its last sector perhaps torn. `TURNSCOPE_CUTS=N` asks for so many cuts.
//!
//! What else the harness could get wrong the controls show: with fewer syncs the same cuts do lose items.

#[path = "power/cutting.rs"]
mod cutting;
#[path = "power/disk.rs"]
mod disk;
#[path = "power/files.rs"]
mod files;
#[path = "power/journals.rs"]
mod journals;
#[path = "power/luck.rs"]
mod luck;
#[path = "power/tap.rs"]
mod tap;
