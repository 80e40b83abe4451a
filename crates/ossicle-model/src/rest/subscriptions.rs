//! Subscriptions: what sessions run under.

use crate::scalars::*;
use crate::shape::Shaped;
use crate::times::Timestamp;

structure! {
    /// Asks for a new subscription, which is active at once.
    CreateSubscriptionInput = "CreateSubscriptionInput" {
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID, label;
    }
}

structure! {
    /// The new subscription.
    CreateSubscriptionOutput = "CreateSubscriptionOutput" {
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID;
        /// The subscription.
        required subscription_id: String = "subscriptionId", &SUBSCRIPTION_ID;
        /// The resource's ARN.
        required arn: String = "arn", &SUBSCRIPTION_ARN;
        /// Where it is in its life.
        required status: SubscriptionStatus = "status", SubscriptionStatus::SHAPE;
        /// When it was made.
        required created_at: Timestamp = "createdAt", &TIMESTAMP;
        /// When it last changed.
        required last_updated_at: Timestamp = "lastUpdatedAt", &TIMESTAMP;
        /// When it was last activated.
        optional activated_at: Timestamp = "activatedAt", &TIMESTAMP;
        /// When it was last deactivated.
        optional deactivated_at: Timestamp = "deactivatedAt", &TIMESTAMP;
    }
}

structure! {
    /// Asks for a subscription.
    GetSubscriptionInput = "GetSubscriptionInput" {
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID, label;
        /// The subscription.
        required subscription_id: String = "subscriptionId", &SUBSCRIPTION_ID, label;
    }
}

structure! {
    /// A subscription.
    GetSubscriptionOutput = "GetSubscriptionOutput" {
        /// The subscription.
        optional subscription: SubscriptionDescription = "subscription", SubscriptionDescription::SHAPE;
    }
}

structure! {
    /// Asks to activate a subscription.
    ActivateSubscriptionInput = "ActivateSubscriptionInput" {
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID, label;
        /// The subscription.
        required subscription_id: String = "subscriptionId", &SUBSCRIPTION_ID, label;
    }
}

structure! {
    /// The activated subscription.
    ActivateSubscriptionOutput = "ActivateSubscriptionOutput" {
        /// The subscription.
        optional subscription: SubscriptionDescription = "subscription", SubscriptionDescription::SHAPE;
    }
}

structure! {
    /// Asks to deactivate a subscription: streams in progress end normally, new ones are refused.
    DeactivateSubscriptionInput = "DeactivateSubscriptionInput" {
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID, label;
        /// The subscription.
        required subscription_id: String = "subscriptionId", &SUBSCRIPTION_ID, label;
    }
}

structure! {
    /// The deactivated subscription.
    DeactivateSubscriptionOutput = "DeactivateSubscriptionOutput" {
        /// The subscription.
        optional subscription: SubscriptionDescription = "subscription", SubscriptionDescription::SHAPE;
    }
}

structure! {
    /// Asks for a page of a domain's subscriptions.
    ListSubscriptionsInput = "ListSubscriptionsInput" {
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID, label;
        /// The most entries of a page, 1 to 100.
        optional max_results: i32 = "maxResults", &SUBSCRIPTIONS_PAGE, query;
        /// Where the next page begins; absent on the first and the last.
        optional next_token: String = "nextToken", &STRING, query;
    }
}

structure! {
    /// A page of subscriptions.
    ListSubscriptionsOutput = "ListSubscriptionsOutput" {
        /// The subscriptions.
        required subscriptions: Vec<SubscriptionDescription> = "subscriptions", &SUBSCRIPTION_LIST;
        /// Where the next page begins; absent on the first and the last.
        optional next_token: String = "nextToken", &STRING;
    }
}

structure! {
    /// A subscription.
    SubscriptionDescription = "SubscriptionDescription" {
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID;
        /// The subscription.
        required subscription_id: String = "subscriptionId", &SUBSCRIPTION_ID;
        /// The resource's ARN.
        required arn: String = "arn", &SUBSCRIPTION_ARN;
        /// Where it is in its life.
        required status: SubscriptionStatus = "status", SubscriptionStatus::SHAPE;
        /// When it was made.
        required created_at: Timestamp = "createdAt", &TIMESTAMP;
        /// When it last changed.
        required last_updated_at: Timestamp = "lastUpdatedAt", &TIMESTAMP;
        /// When it was last activated.
        optional activated_at: Timestamp = "activatedAt", &TIMESTAMP;
        /// When it was last deactivated.
        optional deactivated_at: Timestamp = "deactivatedAt", &TIMESTAMP;
    }
}

enumeration! {
    /// Where a subscription is in its life.
    SubscriptionStatus = "SubscriptionStatus" {
        /// In use.
        Active = "ACTIVE",
        /// Not in use: new streams are refused.
        Inactive = "INACTIVE",
        /// Deleted.
        Deleted = "DELETED",
    }
}

scalars! {
    /// Subscriptions in a list.
    SUBSCRIPTION_LIST = "SubscriptionList": list(SubscriptionDescription::SHAPE);
}
