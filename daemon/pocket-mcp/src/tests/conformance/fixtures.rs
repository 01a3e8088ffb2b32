//! A server with what the suite looks for, beside the product's own.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use rmcp::model::{
    CompleteRequestParams, CompleteResult, CompletionInfo, GetPromptRequestParams, GetPromptResponse,
    ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ReadResourceRequestParams,
    ReadResourceResponse, Reference, RequestId, SetLevelRequestParams, SubscribeRequestParams,
    SubscriptionFilter, UnsubscribeRequestParams,
};
use rmcp::service::{SubscriptionContext, SubscriptionSink};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ListToolsResult, PaginatedRequestParams, ServerCapabilities,
    ServerConfig, Tool as Definition,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};

use super::super::*;
use super::{answers, asks};

/// The product's server with the suite's fixtures.
#[derive(Clone)]
pub(super) struct Fixtures {
    product: Server,
    open: Arc<Mutex<HashMap<RequestId, SubscriptionSink>>>,
}

impl Fixtures {
    pub(super) fn beside(product: Server) -> Self {
        Self {
            product,
            open: Arc::default(),
        }
    }

    fn open(&self) -> MutexGuard<'_, HashMap<RequestId, SubscriptionSink>> {
        self.open.lock().unwrap()
    }

    /// Tells every open subscription that a list has changed.
    async fn tell(&self, tools: bool) {
        let sinks: Vec<SubscriptionSink> = self.open().values().cloned().collect();
        for sink in sinks {
            let told = if tools {
                sink.notify_tool_list_changed().await
            } else {
                sink.notify_prompt_list_changed().await
            };
            // Who did not ask for this kind is not told.
            drop(told);
        }
    }
}

/// Whether a name is one of the suite's.
fn is_fixture(name: &str) -> bool {
    name.starts_with("test_") || name.starts_with("json_schema_")
}

impl ServerHandler for Fixtures {
    fn get_info(&self) -> ServerConfig {
        let mut info = self.product.get_info();
        info.capabilities = ServerCapabilities::builder()
            .enable_completions()
            .enable_logging()
            .enable_prompts()
            .enable_prompts_list_changed()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_resources_subscribe()
            .enable_tools()
            .enable_tool_list_changed()
            .build();
        info
    }

    fn get_tool(&self, name: &str) -> Option<Definition> {
        let fixture = answers::tools().into_iter().find(|tool| tool.name == name);
        fixture.or_else(|| self.product.get_tool(name))
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut listed = self.product.list_tools(request, context).await?;
        listed.tools.extend(answers::tools());
        Ok(listed)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        if !is_fixture(&request.name) {
            return self.product.call_tool(request, context).await;
        }
        match request.name.as_ref() {
            "test_trigger_tool_change" => self.tell(true).await,
            "test_trigger_prompt_change" => self.tell(false).await,
            name if name.starts_with("test_input_required_result_") => {
                return asks::round(&request, &context);
            }
            _ => {}
        }
        answers::call(&request, &context).await
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let mut listed = self.product.list_resources(request, context).await?;
        listed.resources.extend(answers::resources());
        Ok(listed)
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let mut listed = self.product.list_resource_templates(request, context).await?;
        listed.resource_templates.push(answers::template());
        Ok(listed)
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        match answers::read(&request.uri) {
            Some(read) => Ok(read.into()),
            None => self.product.read_resource(request, context).await,
        }
    }

    async fn list_prompts(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let mut listed = self.product.list_prompts(request, context).await?;
        listed.prompts.extend(answers::prompts());
        Ok(listed)
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        match request.name.as_str() {
            "test_input_required_result_prompt" => Ok(asks::prompt(&request)),
            name if is_fixture(name) => answers::prompt(&request).map(Into::into),
            _ => self.product.get_prompt(request, context).await,
        }
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let fixture = match &request.r#ref {
            Reference::Prompt(prompt) => is_fixture(&prompt.name),
            Reference::Resource(resource) => resource.uri.starts_with("test://"),
            _ => false,
        };
        if !fixture {
            return self.product.complete(request, context).await;
        }
        let values = ["paris", "park", "party"].map(str::to_owned).to_vec();
        let info = CompletionInfo::new(values).map_err(|error| ErrorData::internal_error(error, None))?;
        Ok(CompleteResult::new(info))
    }

    async fn set_level(
        &self,
        _request: SetLevelRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn subscribe(
        &self,
        _request: SubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(
        &self,
        _request: UnsubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        Ok(())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let id = context.sink().id().clone();
        self.open().insert(id.clone(), context.sink().clone());
        context.cancelled().await;
        self.open().remove(&id);
        Ok(())
    }
}
