//! Channel groups.

use serde_json::{Value, json};

use super::fault::IceError;
use super::list::{Seen, Wanted};
use super::{Call, fields, stamp};
use crate::api::alibaba::Fields;
use crate::api::model::group::Group;
use crate::api::model::{Model, Plan};

const ONE: &str = "LivePackageChannelGroup";

pub(super) fn create(call: &Call<'_>) -> Result<Fields, IceError> {
    call.need(&["GroupName"])?;
    let (name, description) = (call.name("GroupName")?, call.description()?);
    let origin = call.control.origin();
    let plan = |model: &Model, at| {
        let plan = model.create_group(name.clone(), description.clone(), origin.clone(), at)?;
        let answer = json!({ ONE: show(&plan.answer) });
        Ok(Plan { writes: plan.writes, answer })
    };
    call.create(name.as_str(), |_| Ok(()), plan)
}

pub(super) fn get(call: &Call<'_>) -> Result<Fields, IceError> {
    call.need(&["GroupName"])?;
    let name = call.name("GroupName")?;
    let shown = call.control.desk().read(|model| model.group(&name).map(show))?;
    Ok(fields(&[(ONE, shown)]))
}

pub(super) fn list(call: &Call<'_>) -> Result<Fields, IceError> {
    let wanted = Wanted::read(call)?;
    let page = |model: &Model| wanted.page("LivePackageChannelGroups", model.groups(), seen, show);
    Ok(call.control.desk().read(page))
}

fn seen(group: &Group) -> Seen<'_> {
    Seen {
        name: group.name.as_str(),
        description: group.description.as_str(),
        sequence: group.life.sequence,
    }
}

pub(super) fn update(call: &Call<'_>) -> Result<Fields, IceError> {
    call.need(&["GroupName"])?;
    let (name, description) = (call.name("GroupName")?, call.description()?);
    let group =
        call.change(name.as_str(), |model, at| model.update_group(&name, description.clone(), at))?;
    Ok(fields(&[(ONE, show(&group))]))
}

pub(super) fn delete(call: &Call<'_>) -> Result<Fields, IceError> {
    call.need(&["GroupName"])?;
    let name = call.name("GroupName")?;
    call.change(name.as_str(), |model, _| model.delete_group(&name))?;
    Ok(Fields::new())
}

fn show(group: &Group) -> Value {
    json!({
        "GroupName": group.name.as_str(),
        "Description": group.description.as_str(),
        "OriginDomain": group.origin.domain,
        "CreateTime": stamp(group.life.created),
        "LastModified": stamp(group.life.modified),
    })
}
