#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "hub/topic.h"
#include "model/json_fields.h"
#include "service/broker/explain.h"
#include "service/broker/render.h"

namespace dunlin::broker {
namespace {

using model::Field;
using model::FieldType;
using model::Need;

constexpr Field kRequest[] = {
    {"client_id", FieldType::text, Need::required, "who should get the message"},
    {"topic", FieldType::text, Need::required, "the message's topic"},
    {"qos", FieldType::integer, Need::optional, "at which it is published: 0, 1 or 2 (0)"},
    {"publisher", FieldType::text, Need::optional, "the client id of who publishes it"},
    {"bytes", FieldType::integer, Need::optional, "the size of its payload"}};
constexpr Field kResponse[] = {
    {"client_id", FieldType::text, Need::required, "as asked"},
    {"topic", FieldType::text, Need::required, "as asked"},
    {"qos", FieldType::integer, Need::required, "as asked"},
    {"verdict", FieldType::text, Need::required, "a word; docs/guide/operations.md lists them"},
    {"arrives", FieldType::boolean, Need::required, "whether the client gets it, now or later"},
    {"summary", FieldType::text, Need::required, "the verdict as a sentence"},
    {"steps", FieldType::array, Need::required, "check, outcome (ok, note, problem), text"},
    {"matching", FieldType::array, Need::required, "its subscriptions that match: filter, qos ..."},
    {"nearest", FieldType::object, Need::optional, "where none matches: the nearest, and where it parts"},
    {"session", FieldType::object, Need::optional, "the session as session.show has it"}};
constexpr Errc kErrors[] = {Errc::invalid_argument, Errc::malformed, Errc::limit_exceeded};

constexpr model::OperationSpec kExplain{"session.explain",
                                        model::Method::get,
                                        "/api/sessions/{client_id}/explain",
                                        "Say whether a client gets a message, and why or why not.",
                                        "sessions:read",
                                        kRequest,
                                        kResponse,
                                        kErrors};

std::string_view outcome_name(Step::Outcome outcome) {
  constexpr std::array<std::string_view, 3> kNames{"ok", "note", "problem"};
  return kNames[static_cast<std::size_t>(outcome)];
}

Result<Question> read_question(const boost::json::object& request) {
  Question question;
  question.client_id = *model::optional_text(request, "client_id");
  question.topic = *model::optional_text(request, "topic");
  DUNLIN_CHECK(hub::check_topic(question.topic));
  const auto qos = model::optional_integer(request, "qos").value_or(0);
  if (qos < 0 || qos > 2) return fail(Errc::invalid_argument, "\"qos\" must be 0, 1 or 2");
  question.qos = static_cast<hub::QoS>(qos);
  question.publisher = model::optional_text(request, "publisher").value_or("");
  if (const auto bytes = model::optional_integer(request, "bytes")) {
    if (*bytes < 0) return fail(Errc::invalid_argument, "\"bytes\" must not be negative");
    question.payload_bytes = static_cast<std::size_t>(*bytes);
  }
  return question;
}

boost::json::object render(const Question& question, const Evidence& evidence, const Explanation& explained) {
  boost::json::array steps;
  for (const Step& step : explained.steps) {
    steps.push_back({{"check", step.check}, {"outcome", outcome_name(step.outcome)}, {"text", step.text}});
  }
  boost::json::object answer{{"client_id", question.client_id},
                             {"topic", question.topic},
                             {"qos", static_cast<int>(question.qos)},
                             {"verdict", explained.verdict},
                             {"arrives", arrives(explained.verdict)},
                             {"summary", explained.summary},
                             {"steps", std::move(steps)}};
  boost::json::array matching;
  if (evidence.client) {
    const hub::SessionView& session = evidence.client->session;
    for (const auto& match : evidence.client->matching)
      matching.push_back(
          to_json(hub::SubscriptionView{session.client_id, match.filter, match.options, session.condition}));
    if (const auto& nearest = evidence.client->nearest; nearest && matching.empty()) {
      answer["nearest"] = {{"filter", nearest->filter},
                           {"level", nearest->level},
                           {"wanted", nearest->wanted},
                           {"found", nearest->found}};
    }
    answer["session"] = to_json(session, evidence.now);
  }
  answer["matching"] = std::move(matching);
  return answer;
}

/// Collects the evidence, one question to the hub after the other. Owned by its own completions.
class Inquiry : public std::enable_shared_from_this<Inquiry> {
 public:
  Inquiry(const BrokerParts& parts, TenantId tenant, Question question, model::Reply reply)
      : parts_(parts), tenant_(tenant), question_(std::move(question)), reply_(std::move(reply)) {}

  void begin() {
    evidence_.limits = parts_.limits;
    view().facts(parts_.executor, tenant_, question_.client_id, question_.topic,
                 [self = shared_from_this()](std::optional<hub::DeliveryFacts> facts) {
                   self->evidence_.client = std::move(facts);
                   self->ask_publisher();
                 });
  }

 private:
  hub::HubView view() { return hub::HubView(parts_.hub); }

  void ask_publisher() {
    if (question_.publisher.empty()) return ask_retained();
    view().session(parts_.executor, tenant_, question_.publisher,
                   [self = shared_from_this()](std::optional<hub::SessionView> publisher) {
                     self->evidence_.publisher = std::move(publisher);
                     self->ask_retained();
                   });
  }
  void ask_retained() {
    parts_.hub.retained(parts_.executor, tenant_, question_.topic,
                        [self = shared_from_this()](std::optional<hub::Message> retained) {
                          self->evidence_.retained = std::move(retained);
                          self->ask_groups();
                        });
  }
  /// One group after the other.
  void ask_groups() {
    if (!evidence_.client || asked_ == evidence_.client->matching.size()) return finish();
    const std::string& filter = evidence_.client->matching[asked_++].filter;
    if (!hub::is_shared(filter)) return ask_groups();
    const PrincipalRef publisher = evidence_.publisher ? evidence_.publisher->principal : nullptr;
    view().group(parts_.executor, tenant_, filter, publisher,
                 [self = shared_from_this()](std::optional<hub::GroupView> group) {
                   if (group) self->evidence_.groups.push_back(*std::move(group));
                   self->ask_groups();
                 });
  }
  void finish() {
    evidence_.now = parts_.executor.wall_now();
    reply_(boost::json::value(render(question_, evidence_, explain(question_, evidence_, parts_.authorize))));
  }

  const BrokerParts& parts_;
  TenantId tenant_;
  Question question_;
  model::Reply reply_;
  Evidence evidence_;
  std::size_t asked_ = 0;  // of the client's matching subscriptions
};

}  // namespace

void declare_explain(const BrokerParts& given, model::OperationTable& table) {
  const auto parts = std::make_shared<const BrokerParts>(given);  // shared: by the handlers
  table.add(
      kExplain, [parts](const model::Caller& caller, const boost::json::object& request, model::Reply reply) {
        auto question = read_question(request);
        if (!question) return reply(std::unexpected(question.error()));
        std::make_shared<Inquiry>(*parts, caller.principal->tenant, *std::move(question), std::move(reply))
            ->begin();
      });
}

std::vector<model::OperationSpec> explain_operations() {
  return {kExplain};
}

}  // namespace dunlin::broker
