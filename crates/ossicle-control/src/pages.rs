//! Lists as streams of pages or of entries.

use std::pin::Pin;

use futures_util::{Stream, TryStreamExt, stream};
use ossicle_model::rest::*;
use ossicle_model::{Invalid, Rule};

use crate::client::Client;
use crate::error::Error;

/// A stream that can move between threads.
pub type BoxStream<T> = Pin<Box<dyn Stream<Item = T> + Send>>;

/// An operation that answers page by page.
pub trait Paged: Request + Clone + Send + Sync + 'static {
    /// One entry of a page.
    type Item: Send + 'static;

    /// Asks for the page that begins at a token.
    fn set_next_token(&mut self, token: String);

    /// Sets how many entries a page has at the most, 1 to 100.
    fn set_page_size(&mut self, entries_max: i32);

    /// The token of the page after this one, if there is one.
    fn next_token(page: &Self::Output) -> Option<&str>;

    /// The entries of a page.
    fn into_items(page: Self::Output) -> Vec<Self::Item>;
}

macro_rules! paged {
    ($($input:ident -> $output:ident.$items:ident: $item:ident;)*) => {
        $(
            impl Paged for $input {
                type Item = $item;

                fn set_next_token(&mut self, token: String) {
                    self.next_token = Some(token);
                }

                fn set_page_size(&mut self, entries_max: i32) {
                    self.max_results = Some(entries_max);
                }

                fn next_token(page: &$output) -> Option<&str> {
                    page.next_token.as_deref()
                }

                fn into_items(page: $output) -> Vec<$item> {
                    page.$items
                }
            }
        )*
    };
}

paged! {
    ListDomainsInput -> ListDomainsOutput.domains: DomainSummary;
    ListSubscriptionsInput -> ListSubscriptionsOutput.subscriptions: SubscriptionDescription;
    ListDatasetsInput -> ListDatasetsOutput.items: DatasetSummary;
}

/// A list of the service that is read page by page, as it is consumed.
#[derive(Debug, Clone)]
pub struct List<I> {
    client: Client,
    input: I,
}

impl<I: Paged> List<I>
where
    I::Output: Send,
{
    /// At most this many entries a page, 1 to 100; the service chooses when it is not set.
    #[must_use]
    pub fn page_size(mut self, entries_max: i32) -> Self {
        self.input.set_page_size(entries_max);
        self
    }

    /// The pages. After an error the stream ends.
    pub fn pages(self) -> BoxStream<Result<I::Output, Error>> {
        let first = Some((self.client, self.input, None::<String>));
        Box::pin(stream::try_unfold(first, |next| async move {
            let Some((client, mut input, token)) = next else { return Ok(None) };
            if let Some(token) = &token {
                input.set_next_token(token.clone());
            }
            let page = client.call(input.clone()).await?;
            let following = I::next_token(&page).filter(|following| !following.is_empty()).map(str::to_owned);
            if following.is_some() && following == token {
                // A token that leads to itself would be followed for ever.
                let rule = Rule::Forbidden("leads to the page that it came with");
                let source = Invalid::new("nextToken", rule);
                return Err(Error::Answer { source, status: 200, request_id: None });
            }
            let next = following.map(|following| (client, input, Some(following)));
            Ok(Some((page, next)))
        }))
    }

    /// The entries of all pages, one by one. After an error the stream ends.
    pub fn items(self) -> BoxStream<Result<I::Item, Error>> {
        let entries = self.pages().map_ok(|page| stream::iter(I::into_items(page).into_iter().map(Ok)));
        Box::pin(entries.try_flatten())
    }
}

/// The domains of the account.
#[derive(Debug, Clone)]
pub struct Domains(Client);

/// The subscriptions of a domain.
#[derive(Debug, Clone)]
pub struct Subscriptions(Client, String);

/// The datasets of a domain.
#[derive(Debug, Clone)]
pub struct Datasets(Client, String);

impl Client {
    /// Any list of the service.
    pub fn list<I: Paged>(&self, input: I) -> List<I> {
        List { client: self.clone(), input }
    }

    /// The domains of the account.
    pub fn domains(&self) -> Domains {
        Domains(self.clone())
    }

    /// The subscriptions of a domain.
    pub fn subscriptions(&self, domain_id: impl Into<String>) -> Subscriptions {
        Subscriptions(self.clone(), domain_id.into())
    }

    /// The datasets of a domain.
    pub fn datasets(&self, domain_id: impl Into<String>) -> Datasets {
        Datasets(self.clone(), domain_id.into())
    }
}

impl Domains {
    /// Their list.
    pub fn list(&self) -> List<ListDomainsInput> {
        self.0.list(ListDomainsInput::default())
    }
}

impl Subscriptions {
    /// Their list.
    pub fn list(&self) -> List<ListSubscriptionsInput> {
        self.0.list(ListSubscriptionsInput::new(self.1.as_str()))
    }
}

impl Datasets {
    /// Their list.
    pub fn list(&self) -> List<ListDatasetsInput> {
        self.0.list(ListDatasetsInput::new(self.1.as_str()))
    }
}
