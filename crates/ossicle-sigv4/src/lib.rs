//! AWS Signature Version 4: requests, queries and the chain of signed messages
