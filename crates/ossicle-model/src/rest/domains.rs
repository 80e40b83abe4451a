//! Domains: the top of an organisation's resources.

use std::collections::BTreeMap;

use crate::scalars::*;
use crate::shape::Shaped;
use crate::times::Timestamp;

structure! {
    /// Asks for a new domain.
    CreateDomainInput = "CreateDomainInput" {
        /// The name.
        required name: String = "name", &DOMAIN_NAME;
        /// The customer's key that encrypts the data; without it, a key of the service does.
        optional kms_key_arn: String = "kmsKeyArn", &KMS_KEY_ARN;
        /// How to set up a web application; without it there is none.
        optional web_app_setup_configuration: CreateWebAppConfiguration = "webAppSetupConfiguration", CreateWebAppConfiguration::SHAPE;
        /// Tags, by key.
        optional tags: BTreeMap<String, String> = "tags", &TAG_MAP;
    }
}

structure! {
    /// How the web application of a new domain is set up.
    CreateWebAppConfiguration = "CreateWebAppConfiguration" {
        /// The role through which the health record is reached.
        required ehr_role: String = "ehrRole", &NEW_EHR_ROLE;
        /// The Identity Center instance.
        required idc_instance_id: String = "idcInstanceId", &IDC_INSTANCE_ID;
        /// The region of the Identity Center.
        required idc_region: String = "idcRegion", &NEW_IDC_REGION;
    }
}

structure! {
    /// The new domain.
    CreateDomainOutput = "CreateDomainOutput" {
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID;
        /// The resource's ARN.
        required arn: String = "arn", &DOMAIN_ARN;
        /// The name.
        required name: String = "name", &DOMAIN_NAME;
        /// The customer's key that encrypts the data; without it, a key of the service does.
        optional kms_key_arn: String = "kmsKeyArn", &KMS_KEY_ARN;
        /// How the data is encrypted.
        optional encryption_context: EncryptionContext = "encryptionContext", EncryptionContext::SHAPE;
        /// Where it is in its life.
        required status: DomainStatus = "status", DomainStatus::SHAPE;
        /// The web application's address.
        optional web_app_url: String = "webAppUrl", &WEB_APP_URL;
        /// How the web application is set up.
        optional web_app_configuration: WebAppConfiguration = "webAppConfiguration", WebAppConfiguration::SHAPE;
        /// When it was made.
        required created_at: Timestamp = "createdAt", &TIMESTAMP;
    }
}

structure! {
    /// How a domain's data is encrypted.
    EncryptionContext = "EncryptionContext" {
        /// Whose key.
        required encryption_type: EncryptionType = "encryptionType", EncryptionType::SHAPE;
        /// The customer's key that encrypts the data; without it, a key of the service does.
        optional kms_key_arn: String = "kmsKeyArn", &KMS_KEY_ARN;
    }
}

enumeration! {
    /// Whose key encrypts a domain's data.
    EncryptionType = "EncryptionType" {
        /// A key of the service.
        AwsOwnedKey = "AWS_OWNED_KEY",
        /// The customer's own key.
        CustomerManagedKey = "CUSTOMER_MANAGED_KEY",
    }
}

structure! {
    /// How a domain's web application is set up.
    WebAppConfiguration = "WebAppConfiguration" {
        /// The role through which the health record is reached.
        required ehr_role: String = "ehrRole", &EHR_ROLE;
        /// The application in the Identity Center.
        required idc_application_id: String = "idcApplicationId", &IDC_APPLICATION_ID;
        /// The region of the Identity Center.
        required idc_region: String = "idcRegion", &IDC_REGION;
    }
}

enumeration! {
    /// Where a domain is in its life.
    DomainStatus = "DomainStatus" {
        /// In use.
        Active = "ACTIVE",
        /// Being deleted.
        Deleting = "DELETING",
        /// Deleted.
        Deleted = "DELETED",
    }
}

structure! {
    /// Asks for a domain.
    GetDomainInput = "GetDomainInput" {
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID, label;
    }
}

structure! {
    /// A domain.
    GetDomainOutput = "GetDomainOutput" {
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID;
        /// The resource's ARN.
        required arn: String = "arn", &DOMAIN_ARN;
        /// The name.
        required name: String = "name", &DOMAIN_NAME;
        /// The customer's key that encrypts the data; without it, a key of the service does.
        optional kms_key_arn: String = "kmsKeyArn", &KMS_KEY_ARN;
        /// How the data is encrypted.
        optional encryption_context: EncryptionContext = "encryptionContext", EncryptionContext::SHAPE;
        /// Where it is in its life.
        required status: DomainStatus = "status", DomainStatus::SHAPE;
        /// The web application's address.
        optional web_app_url: String = "webAppUrl", &WEB_APP_URL;
        /// How the web application is set up.
        optional web_app_configuration: WebAppConfiguration = "webAppConfiguration", WebAppConfiguration::SHAPE;
        /// When it was made.
        required created_at: Timestamp = "createdAt", &TIMESTAMP;
        /// Tags, by key.
        optional tags: BTreeMap<String, String> = "tags", &TAG_MAP;
    }
}

structure! {
    /// Asks to delete a domain.
    DeleteDomainInput = "DeleteDomainInput" {
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID, label;
    }
}

structure! {
    /// The domain that is being deleted.
    DeleteDomainOutput = "DeleteDomainOutput" {
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID;
        /// The resource's ARN.
        required arn: String = "arn", &DOMAIN_ARN;
        /// Where it is in its life.
        required status: DomainStatus = "status", DomainStatus::SHAPE;
    }
}

structure! {
    /// Asks for a page of domains.
    ListDomainsInput = "ListDomainsInput" {
        /// Where it is in its life.
        optional status: DomainStatus = "status", DomainStatus::SHAPE, query;
        /// The most entries of a page, 1 to 100.
        optional max_results: i32 = "maxResults", &DOMAINS_PAGE, query;
        /// Where the next page begins; absent on the first and the last.
        optional next_token: String = "nextToken", &STRING, query;
    }
}

structure! {
    /// A page of domains.
    ListDomainsOutput = "ListDomainsOutput" {
        /// The domains.
        required domains: Vec<DomainSummary> = "domains", &DOMAIN_SUMMARY_LIST;
        /// Where the next page begins; absent on the first and the last.
        optional next_token: String = "nextToken", &STRING;
    }
}

structure! {
    /// A domain in a list.
    DomainSummary = "DomainSummary" {
        /// The domain.
        required domain_id: String = "domainId", &DOMAIN_ID;
        /// The resource's ARN.
        required arn: String = "arn", &DOMAIN_ARN;
        /// The name.
        required name: String = "name", &DOMAIN_NAME;
        /// Where it is in its life.
        required status: DomainStatus = "status", DomainStatus::SHAPE;
        /// When it was made.
        required created_at: Timestamp = "createdAt", &TIMESTAMP;
    }
}

scalars! {
    /// Domains in a list.
    DOMAIN_SUMMARY_LIST = "DomainSummaryList": list(DomainSummary::SHAPE);
}
