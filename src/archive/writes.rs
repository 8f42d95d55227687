//! The few ways in which reels touch a disk when they are written, so that tests can have it fail.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// What reels are written with.
pub trait Disk: std::fmt::Debug + Send {
    /// Makes a file that is not there.
    ///
    /// # Errors
    /// [`io::ErrorKind::AlreadyExists`] where it is; else what the disk says.
    fn create(&mut self, path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).open(path)
    }

    /// Appends to a file.
    ///
    /// # Errors
    /// What the disk says; some of it may be there then.
    fn write(&mut self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    /// Makes durable what was written.
    ///
    /// # Errors
    /// What the disk says.
    fn sync(&mut self, file: &File) -> io::Result<()> {
        file.sync_data()
    }
}

/// The machine's own disk.
#[derive(Debug)]
pub struct LocalDisk;

impl Disk for LocalDisk {}
