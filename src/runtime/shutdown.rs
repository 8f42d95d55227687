//! One signal that everything ends, seen by every task.

use tokio::sync::watch;

/// Told once, seen by all who hold a clone.
#[derive(Clone, Debug)]
pub struct Shutdown {
    told: watch::Sender<bool>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Shutdown { told: watch::Sender::new(false) }
    }
}

impl Shutdown {
    /// Tells everybody.
    pub fn begin(&self) {
        self.told.send_replace(true);
    }

    /// Whether it has been told.
    #[must_use]
    pub fn begun(&self) -> bool {
        *self.told.borrow()
    }

    /// Waits until it is told.
    pub async fn wait(&self) {
        let mut told = self.told.subscribe();
        // The sender lives in `self`, so waiting cannot fail.
        let _ = told.wait_for(|told| *told).await;
    }
}
