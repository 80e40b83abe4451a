//! Checklists and charts, as C has them, and the memory that they and texts lie in.

use std::ffi::{CString, c_char};

use ossicle_model::stream::{
    Checklist, ChecklistItemStatus, PeriodontalChart, PeriodontalReview, PeriodontalSite, PeriodontalTooth,
};

use crate::constants::*;

/// All checklists of a session. Keep the one with the highest version.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name in C")]
pub struct ossicle_checklist {
    /// Size of this struct in the library that made it.
    pub struct_size: u32,
    /// Entries of `items`.
    pub item_count: u32,
    /// Counts up over the session, also over reconnects.
    pub version: i64,
    /// The items of all checklists, in order.
    pub items: *const *const ossicle_checklist_item,
}

/// One item of a checklist. Health information.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name in C")]
pub struct ossicle_checklist_item {
    /// Size of this struct in the library that made it.
    pub struct_size: u32,
    /// `OSSICLE_CHECKLIST_*`.
    pub status: u32,
    /// The checklist that it belongs to.
    pub checklist_id: *const c_char,
    /// The item.
    pub item_key: *const c_char,
}

/// A periodontal chart. Keep the one with the highest version. Health information.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name in C")]
pub struct ossicle_chart {
    /// Size of this struct in the library that made it.
    pub struct_size: u32,
    /// Entries of `teeth`.
    pub tooth_count: u32,
    /// Counts up over the session, apart from the checklists' version.
    pub version: i64,
    /// The teeth, ascending.
    pub teeth: *const *const ossicle_tooth,
    /// What a person should look at.
    pub reviews: *const *const ossicle_chart_review,
    /// Entries of `reviews`.
    pub review_count: u32,
    /// 0.
    pub reserved: u32,
}

/// One tooth of a chart. Health information.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name in C")]
pub struct ossicle_tooth {
    /// Size of this struct in the library that made it.
    pub struct_size: u32,
    /// The tooth, 1 to 32.
    pub number: i32,
    /// 1 when it is missing.
    pub missing: i32,
    /// 0 to 3, or OSSICLE_NOT_CHARTED.
    pub mobility: i32,
    /// 0 to 3, or OSSICLE_NOT_CHARTED.
    pub furcation: i32,
    /// Entries of `sites`.
    pub site_count: u32,
    /// What was measured at its sites.
    pub sites: *const *const ossicle_tooth_site,
}

/// One site of a tooth. Health information.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name in C")]
pub struct ossicle_tooth_site {
    /// Size of this struct in the library that made it.
    pub struct_size: u32,
    /// Probing depth, 0 to 15 mm, or OSSICLE_NOT_CHARTED.
    pub probing_depth_mm: i32,
    /// Recession, -5 to 15 mm, or OSSICLE_NOT_CHARTED.
    pub recession_mm: i32,
    /// Bleeding: 0, 1, or OSSICLE_NOT_CHARTED.
    pub bleeding: i32,
    /// Suppuration: 0, 1, or OSSICLE_NOT_CHARTED.
    pub suppuration: i32,
    /// 0.
    pub reserved: u32,
    /// The site: "DB", "B", "MB", "DL", "L" or "ML".
    pub name: *const c_char,
}

/// What a person should look at in a chart. Health information.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types, reason = "the name in C")]
pub struct ossicle_chart_review {
    /// Size of this struct in the library that made it.
    pub struct_size: u32,
    /// The tooth, 1 to 32, or OSSICLE_NOT_CHARTED.
    pub tooth_number: i32,
    /// Why, as the service names it, such as "LINE_UNCLEAR".
    pub reason: *const c_char,
    /// The sites, as their names joined by commas, or "".
    pub sites: *const c_char,
}

/// Owns what an event points to. Nothing in it moves until it is dropped or cleared.
#[derive(Default)]
pub(crate) struct Store {
    texts: Vec<CString>,
    /// Structs and arrays of pointers, each from `Box::into_raw`. Pointers, since a `Box` that moves would end the
    /// life of pointers into it.
    things: Vec<*mut dyn std::any::Any>,
}

// SAFETY: the raw pointers are the store's own boxes and pointers between them; they move with it. Nobody else has
// them but the one application thread that polled.
unsafe impl Send for Store {}

impl Drop for Store {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Store {
    pub(crate) fn clear(&mut self) {
        self.texts.clear();
        for thing in self.things.drain(..) {
            // SAFETY: `hold` put it here out of `Box::into_raw`, and `drain` takes each out once.
            drop(unsafe { Box::from_raw(thing) });
        }
    }

    /// Keeps a text; a zero inside of it would end it for C, so it is left out.
    pub(crate) fn text(&mut self, text: &str) -> *const c_char {
        self.counted(text).0
    }

    /// Keeps a text and returns its bytes too.
    pub(crate) fn counted(&mut self, text: &str) -> (*const c_char, usize) {
        let text = CString::new(text).or_else(|_| CString::new(text.replace('\0', ""))).unwrap_or_default();
        let kept = (text.as_ptr(), text.count_bytes());
        // The characters are on the heap: moving the CString does not move them.
        self.texts.push(text);
        kept
    }

    pub(crate) fn keep<T: Copy + 'static>(&mut self, thing: T) -> *const T {
        self.hold(thing).cast_const()
    }

    fn hold<T: 'static>(&mut self, thing: T) -> *mut T {
        let held = Box::into_raw(Box::new(thing));
        self.things.push(held);
        held
    }

    fn keep_all<T: Copy + 'static>(&mut self, things: Vec<T>) -> (*const *const T, u32) {
        let pointers: Vec<*const T> = things.into_iter().map(|thing| self.keep(thing)).collect();
        let (kept, count) = (pointers.as_ptr(), pointers.len());
        // The pointers are on the heap: moving the Vec does not move them.
        self.hold(pointers);
        (kept, u32::try_from(count).unwrap_or(u32::MAX))
    }

    pub(crate) fn checklist(&mut self, from: &Checklist) -> *const ossicle_checklist {
        let mut items = Vec::new();
        for section in &from.checklists {
            let checklist_id = self.text(&section.checklist_id);
            for item in &section.items {
                let status = match item.status {
                    ChecklistItemStatus::NotDiscussed => OSSICLE_CHECKLIST_NOT_DISCUSSED,
                    ChecklistItemStatus::PartiallyDiscussed => OSSICLE_CHECKLIST_PARTIALLY_DISCUSSED,
                    ChecklistItemStatus::Discussed => OSSICLE_CHECKLIST_DISCUSSED,
                    _ => OSSICLE_CHECKLIST_OTHER,
                };
                let item_key = self.text(&item.item_key);
                let struct_size = size_of::<ossicle_checklist_item>() as u32;
                items.push(ossicle_checklist_item { struct_size, status, checklist_id, item_key });
            }
        }
        let (items, item_count) = self.keep_all(items);
        let struct_size = size_of::<ossicle_checklist>() as u32;
        self.keep(ossicle_checklist { struct_size, item_count, version: from.snapshot_version, items })
    }

    pub(crate) fn chart(&mut self, from: &PeriodontalChart) -> *const ossicle_chart {
        let teeth = from.teeth.iter().map(|tooth| self.tooth(tooth)).collect();
        let reviews = from.review_items.iter().flatten().map(|review| self.review(review)).collect();
        let (teeth, tooth_count) = self.keep_all(teeth);
        let (reviews, review_count) = self.keep_all(reviews);
        self.keep(ossicle_chart {
            struct_size: size_of::<ossicle_chart>() as u32,
            tooth_count,
            version: from.snapshot_version,
            teeth,
            reviews,
            review_count,
            reserved: 0,
        })
    }

    fn tooth(&mut self, from: &PeriodontalTooth) -> ossicle_tooth {
        let sites = from.sites.iter().flatten().map(|site| self.site(site)).collect();
        let (sites, site_count) = self.keep_all(sites);
        ossicle_tooth {
            struct_size: size_of::<ossicle_tooth>() as u32,
            number: from.tooth_number,
            missing: from.missing.into(),
            mobility: from.mobility.unwrap_or(OSSICLE_NOT_CHARTED),
            furcation: from.furcation.unwrap_or(OSSICLE_NOT_CHARTED),
            site_count,
            sites,
        }
    }

    fn site(&mut self, from: &PeriodontalSite) -> ossicle_tooth_site {
        ossicle_tooth_site {
            struct_size: size_of::<ossicle_tooth_site>() as u32,
            probing_depth_mm: from.probing_depth.unwrap_or(OSSICLE_NOT_CHARTED),
            recession_mm: from.recession.unwrap_or(OSSICLE_NOT_CHARTED),
            bleeding: from.bleeding.map_or(OSSICLE_NOT_CHARTED, i32::from),
            suppuration: from.suppuration.map_or(OSSICLE_NOT_CHARTED, i32::from),
            reserved: 0,
            name: self.text(from.site.as_str()),
        }
    }

    fn review(&mut self, from: &PeriodontalReview) -> ossicle_chart_review {
        let sites: Vec<&str> = from.sites.iter().flatten().map(|site| site.as_str()).collect();
        ossicle_chart_review {
            struct_size: size_of::<ossicle_chart_review>() as u32,
            tooth_number: from.tooth_number.unwrap_or(OSSICLE_NOT_CHARTED),
            reason: self.text(from.reason.as_str()),
            sites: self.text(&sites.join(",")),
        }
    }
}
