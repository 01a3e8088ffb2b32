//! Prompts: what a person picks from a client's menu. And what may complete their arguments, and
//! those of the addresses of resources.

use pocket_core::{Answer, Category, Entry, Operation, Record, Verb};
use rmcp::model::{
    ArgumentInfo, CompleteRequestParams, CompleteResult, CompletionInfo, ErrorData, GetPromptRequestParams,
    GetPromptResult, ListPromptsResult, Prompt, PromptArgument, PromptMessage, Reference, Role,
};

use crate::desk::{Desk, unexpected};
use crate::resources::told;

/// Records that are looked through for completions: the newest.
const LOOKED_AT: u32 = 200;
/// Longest argument that a prompt takes, in bytes: it is a name, not a text.
const LONGEST: usize = 200;

/// The prompts.
pub(crate) fn list() -> ListPromptsResult {
    let argument = |name: &str, about: &str, required| {
        let argument = PromptArgument::new(name).with_description(about);
        Some(vec![argument.with_required(required)])
    };
    let prompts = vec![
        Prompt::new("brief_me", Some("What is due, and what to know for today"), None).with_title("Brief me"),
        Prompt::new(
            "what_do_you_know",
            Some("Everything that is kept about someone or something"),
            argument("subject", "Whom or what", true),
        )
        .with_title("What do you know about …"),
        Prompt::new(
            "plan",
            Some("An order in which to do the open tasks"),
            argument("list", "Only this list", false),
        )
        .with_title("Plan my tasks"),
    ];
    ListPromptsResult::with_all_items(prompts)
}

/// One prompt, filled in.
pub(crate) fn get(request: &GetPromptRequestParams) -> Result<GetPromptResult, ErrorData> {
    let argument = |name: &str| {
        let arguments = request.arguments.as_ref();
        let value = arguments
            .and_then(|given| given.get(name))
            .and_then(|value| value.as_str());
        value.filter(|value| !value.trim().is_empty() && value.len() <= LONGEST)
    };
    let words = match request.name.as_str() {
        "brief_me" => {
            "Use `tasks` with `due_by` today and `recall` for what bears on it. Then brief me in a \
                       few lines: what is overdue, what is due today, what I should know."
                .to_owned()
        }
        "what_do_you_know" => {
            let subject = argument("subject").ok_or_else(|| {
                let words =
                    "`subject` is missing or too long \u{2014} say whom or what, in 200 bytes at most";
                ErrorData::invalid_params(words, None)
            })?;
            format!(
                "What do you know about {subject}? Use `recall`, `search` and `contacts`, say what each \
                 answer rests on, and what is marked `untrusted`."
            )
        }
        "plan" => {
            let on = argument("list").map_or_else(String::new, |list| format!(" with `list` {list}"));
            format!(
                "Use `tasks`{on}. Propose an order in which to do them and say why; change nothing before I agree."
            )
        }
        _ => {
            return Err(ErrorData::invalid_params(
                "no such prompt: `prompts/list` names them",
                None,
            ));
        }
    };
    Ok(GetPromptResult::new(vec![PromptMessage::new_text(
        Role::User,
        words,
    )]))
}

/// What an argument may be, of what this agent may read. Where it may not, there is nothing to offer;
/// that is no secret, and no error.
pub(crate) async fn complete(
    desk: &Desk,
    request: &CompleteRequestParams,
) -> Result<CompleteResult, ErrorData> {
    let ArgumentInfo { name, value, .. } = &request.argument;
    let values = match (&request.r#ref, name.as_str()) {
        (Reference::Prompt(prompt), "subject") if prompt.name == "what_do_you_know" => {
            let subject = |entry: &Entry| match entry.content.record() {
                Record::Memory(memory) => Some(memory.subject.clone()),
                _ => None,
            };
            texts(desk, Category::Memory, value, subject).await?
        }
        (Reference::Prompt(prompt), "list") if prompt.name == "plan" => {
            let list = |entry: &Entry| match entry.content.record() {
                Record::Task(task) => Some(task.list.clone()),
                _ => None,
            };
            texts(desk, Category::Tasks, value, list).await?
        }
        (Reference::Resource(_), "category") => readable(desk)
            .map(Category::name)
            .filter(|name| name.starts_with(value.as_str()))
            .map(str::to_owned)
            .collect(),
        (Reference::Resource(template), "id") => {
            let chosen = request
                .context
                .as_ref()
                .and_then(|context| context.get_argument("category"));
            let category = if template.uri.contains("documents") {
                Some("documents")
            } else {
                chosen.map(String::as_str)
            };
            match category.and_then(|name| readable(desk).find(|category| category.name() == name)) {
                Some(category) => ids(desk, category, value).await?,
                None => Vec::new(),
            }
        }
        _ => Vec::new(),
    };
    let info = CompletionInfo::new(values).map_err(|_| told(&unexpected()))?;
    Ok(CompleteResult::new(info))
}

fn readable(desk: &Desk) -> impl Iterator<Item = Category> {
    let scopes = desk.agent().scopes.clone();
    Category::ALL
        .into_iter()
        .filter(move |category| scopes.allow(*category, Verb::Read))
}

/// The texts that hold what was typed, each once.
async fn texts(
    desk: &Desk,
    category: Category,
    typed: &str,
    text: impl Fn(&Entry) -> Option<String>,
) -> Result<Vec<String>, ErrorData> {
    let entries = newest(desk, category).await?;
    let mut texts: Vec<String> = entries
        .iter()
        .filter_map(text)
        .filter(|text| fits(text, typed))
        .collect();
    texts.sort_unstable();
    texts.dedup();
    texts.truncate(CompletionInfo::MAX_VALUES);
    Ok(texts)
}

/// The ids of the records whose title holds what was typed, or whose id begins so.
async fn ids(desk: &Desk, category: Category, typed: &str) -> Result<Vec<String>, ErrorData> {
    let entries = newest(desk, category).await?.into_iter();
    let mut ids: Vec<String> = entries
        .filter(|entry| {
            entry.id.to_string().starts_with(typed) || fits(entry.content.record().title(), typed)
        })
        .map(|entry| entry.id.to_string())
        .collect();
    ids.truncate(CompletionInfo::MAX_VALUES);
    Ok(ids)
}

fn fits(text: &str, typed: &str) -> bool {
    !text.is_empty() && text.to_lowercase().contains(&typed.to_lowercase())
}

async fn newest(desk: &Desk, category: Category) -> Result<Vec<Entry>, ErrorData> {
    if !desk.agent().scopes.allow(category, Verb::Read) {
        return Ok(Vec::new());
    }
    let list = Operation::List {
        category,
        after: None,
        limit: LOOKED_AT,
    };
    match desk.ask(list).await {
        Ok(Answer::Page(page)) => Ok(page.entries),
        Ok(_) => Err(told(&unexpected())),
        Err(failure) => Err(told(&failure)),
    }
}
