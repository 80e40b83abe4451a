//! Tags of resources.

use std::collections::BTreeMap;

use crate::scalars::*;

structure! {
    /// Asks for the tags of a resource.
    ListTagsForResourceInput = "ListTagsForResourceInput" {
        /// The resource's ARN.
        required resource_arn: String = "resourceArn", &STRING, label;
    }
}

structure! {
    /// The tags of a resource.
    ListTagsForResourceOutput = "ListTagsForResourceOutput" {
        /// Tags, by key.
        optional tags: BTreeMap<String, String> = "tags", &TAG_MAP;
    }
}

structure! {
    /// Asks to add tags to a resource, or to change them.
    TagResourceInput = "TagResourceInput" {
        /// The resource's ARN.
        required resource_arn: String = "resourceArn", &STRING, label;
        /// Tags, by key.
        required tags: BTreeMap<String, String> = "tags", &TAG_MAP;
    }
}

structure! {
    /// Asks to remove tags from a resource.
    UntagResourceInput = "UntagResourceInput" {
        /// The resource's ARN.
        required resource_arn: String = "resourceArn", &STRING, label;
        /// The keys of the tags to remove.
        required tag_keys: Vec<String> = "tagKeys", &TAG_KEY_LIST, query;
    }
}
