//! Operations on the configurations of live streams.

use super::channels::remove;
use super::live::{Package, PackageForm, Shift, ShiftForm, Streams};
use super::{Model, Moment, Plan, Record, RecordKey, Refusal, Thing, Write};

impl Model {
    /// All package configurations, by what they are for.
    pub fn packages(&self) -> impl Iterator<Item = &Package> {
        self.packages.values()
    }

    /// All time shift configurations, by what they are for.
    pub fn shifts(&self) -> impl Iterator<Item = &Shift> {
        self.shifts.values()
    }

    /// A new package configuration.
    ///
    /// # Errors
    /// Where there is one for just these streams.
    pub fn add_package(
        &self,
        streams: Streams,
        form: PackageForm,
        at: Moment,
    ) -> Result<Plan<Package>, Refusal> {
        if self.packages.contains_key(&streams) {
            return Err(Refusal::Taken(Thing::Package));
        }
        Ok(put_package(Package { streams, form, life: at.birth() }))
    }

    /// A package configuration with other settings.
    ///
    /// # Errors
    /// Where it is not there.
    pub fn update_package(
        &self,
        streams: &Streams,
        form: PackageForm,
        at: Moment,
    ) -> Result<Plan<Package>, Refusal> {
        let before = self.packages.get(streams).ok_or(Refusal::Unknown(Thing::Package))?;
        let life = at.touch(before.life);
        Ok(put_package(Package { streams: streams.clone(), form, life }))
    }

    /// A package configuration less.
    ///
    /// # Errors
    /// Where it is not there.
    pub fn delete_package(&self, streams: &Streams) -> Result<Plan<()>, Refusal> {
        if !self.packages.contains_key(streams) {
            return Err(Refusal::Unknown(Thing::Package));
        }
        Ok(remove(RecordKey::Package(streams.clone())))
    }

    /// A time shift configuration, new or in the place of the one before.
    #[must_use]
    pub fn open_shift(&self, streams: Streams, form: ShiftForm, at: Moment) -> Plan<Shift> {
        let life = self.shifts.get(&streams).map_or(at.birth(), |before| at.touch(before.life));
        let shift = Shift { streams, form, life };
        Plan { writes: vec![Write::Put(Record::Shift(shift.clone()))], answer: shift }
    }

    /// A time shift configuration less.
    ///
    /// # Errors
    /// Where it is not there.
    pub fn close_shift(&self, streams: &Streams) -> Result<Plan<()>, Refusal> {
        if !self.shifts.contains_key(streams) {
            return Err(Refusal::Unknown(Thing::Shift));
        }
        Ok(remove(RecordKey::Shift(streams.clone())))
    }
}

fn put_package(package: Package) -> Plan<Package> {
    Plan { writes: vec![Write::Put(Record::Package(package.clone()))], answer: package }
}
