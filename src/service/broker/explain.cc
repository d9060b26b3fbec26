#include "service/broker/explain.h"

#include <algorithm>
#include <array>

#include "base/time_text.h"
#include "hub/topic.h"
#include "service/broker/explain_group.h"
#include "service/broker/words.h"

namespace dunlin::broker {
namespace {

using hub::DropReason;
using hub::QoS;
using hub::SessionCondition;
using hub::SubscriptionOptions;
using Outcome = Step::Outcome;

std::string_view drop_words(DropReason reason) {
  switch (reason) {
    case DropReason::qos0_queue:
      return "too many QoS 0 messages waited";
    case DropReason::offline:
      return "QoS 0 while it was away";
    case DropReason::expired:
      return "the message had expired";
    case DropReason::packet_too_large:
      return "larger than its Maximum Packet Size";
    case DropReason::not_authorized:
      return "it may not receive their topics";
    case DropReason::memory:
      return "the server had no memory left for QoS 0";
  }
  return "unknown";
}

class Judge {
 public:
  Judge(const Question& question, const Evidence& evidence, const hub::Authorizer& authorize)
      : question_(question), evidence_(evidence), authorize_(authorize) {}

  Explanation judge() {
    if (!judge_session()) return finish();
    judge_connection();
    const bool subscribed = judge_subscriptions();
    judge_policy(subscribed);
    if (subscribed) {
      judge_publisher();
      judge_local();
      judge_groups();
      judge_qos();
      judge_queue();
      judge_size();
    }
    tell_drops();
    tell_retained();
    return finish();
  }

 private:
  const hub::DeliveryFacts& facts() const { return *evidence_.client; }
  const hub::SessionView& session() const { return facts().session; }
  bool online() const { return session().condition != SessionCondition::offline; }

  void add(std::string_view check, Outcome outcome, std::string text) {
    steps_.push_back({check, outcome, std::move(text)});
  }
  /// The first reason counts; a later one is told as a step.
  void conclude(std::string_view verdict, std::string summary) {
    if (!verdict_.empty()) return;
    verdict_ = verdict;
    summary_ = std::move(summary);
  }
  void problem(std::string_view check, std::string_view verdict, const std::string& text) {
    add(check, Outcome::problem, text);
    conclude(verdict, text);
  }
  Explanation finish() { return {verdict_, std::move(summary_), std::move(steps_)}; }

  bool judge_session();
  void judge_connection();
  bool judge_subscriptions();
  void tell_nearest();
  void judge_policy(bool subscribed);
  void judge_publisher();
  void judge_local();
  void judge_qos();
  void judge_groups();
  void judge_queue();
  bool judge_full(const hub::SessionView& client, const std::string& waits);
  void judge_size();
  void tell_drops();
  void tell_retained();

  const Question& question_;
  const Evidence& evidence_;
  const hub::Authorizer& authorize_;
  QoS qos_ = QoS::at_most_once;  // at which it would be delivered
  bool only_shared_ = false;     // no subscription of its own matches
  std::vector<Step> steps_;
  std::string_view verdict_;
  std::string summary_;
};

bool Judge::judge_session() {
  if (evidence_.client) {
    const auto& principal = *session().principal;
    add("session", Outcome::ok,
        "There is a session " + quoted(question_.client_id) + ", of " + quoted(principal.name) + ".");
    return true;
  }
  problem("session", "no_session",
          "There is no session " + quoted(question_.client_id) +
              ": the client has not connected with this client id, or its session ended with the connection "
              "(clean session, Session Expiry Interval 0) or has expired since.");
  return false;
}

void Judge::judge_connection() {
  const std::string since = format_rfc3339(session().since);
  if (online()) {
    return add("connection", Outcome::ok,
               "It is connected since " + since + " from " + session().address + ".");
  }
  const std::string kept = session().expiry_seconds == hub::kNeverExpires
                               ? "for as long as it takes"
                               : "for " + std::to_string(session().expiry_seconds) + " s from then";
  add("connection", Outcome::note,
      "It is away since " + since + "; its session is kept " + kept +
          ". Only QoS 1 and 2 messages wait for it.");
}

bool Judge::judge_subscriptions() {
  if (facts().matching.empty()) {
    tell_nearest();
    return false;
  }
  std::string text;
  for (const auto& match : facts().matching) {
    text += (text.empty() ? "" : ", ") + quoted(match.filter) + " (QoS " +
            std::to_string(static_cast<int>(match.options.qos)) + ")";
    qos_ = std::max(qos_, match.options.qos);
  }
  qos_ = std::min(qos_, question_.qos);
  add("subscription", Outcome::ok,
      number(facts().matching.size(), "subscription matches", "subscriptions match") + ": " + text + ".");
  return true;
}

void Judge::tell_nearest() {
  if (!facts().nearest) {
    return problem("subscription", "no_subscription", "The session has no subscription at all.");
  }
  const auto& nearest = *facts().nearest;
  std::string why = "they part at level " + std::to_string(nearest.level) + ": ";
  if (nearest.level == 1 && question_.topic.starts_with('$') &&
      (nearest.wanted == "+" || nearest.wanted == "#")) {
    why = "a wildcard at the first level does not match a topic that begins with '$'";
  } else if (nearest.wanted.empty() && !nearest.found.empty()) {
    why += "the filter has ended, the topic goes on with " + quoted(nearest.found);
  } else if (nearest.found.empty() && !nearest.wanted.empty()) {
    why += "the filter wants " + quoted(nearest.wanted) + ", the topic has ended";
  } else {
    why += "the filter wants " + quoted(nearest.wanted) + ", the topic has " + quoted(nearest.found);
  }
  const std::string none = session().subscriptions == 1
                               ? "Its only subscription does not match: "
                               : "None of its " + std::to_string(session().subscriptions) +
                                     " subscriptions matches. The nearest is ";
  problem("subscription", "no_subscription", none + quoted(nearest.filter) + ": " + why + ".");
}

void Judge::judge_policy(bool subscribed) {
  const Principal& principal = *session().principal;
  if (!subscribed) {
    const auto may = authorize_(principal, hub::Action::subscribe, question_.topic);
    if (may) {
      return add("policy", Outcome::ok,
                 "The policies would allow it to subscribe to " + quoted(question_.topic) + ".");
    }
    const std::string text = "The policies of " + quoted(principal.name) +
                             " do not allow it to subscribe to " + quoted(question_.topic) + ": " +
                             may.error().message + ".";
    add("policy", Outcome::problem, text);
    // That there is no subscription is what follows from it.
    verdict_ = "policy_denied";
    summary_ = text;
    return;
  }
  std::string refused;
  for (const auto& match : facts().matching) {
    const auto may = authorize_(principal, hub::Action::subscribe, match.filter);
    if (!may) refused += (refused.empty() ? "" : "; ") + quoted(match.filter) + ": " + may.error().message;
  }
  if (const auto may = authorize_(principal, hub::Action::receive, question_.topic); !may) {
    return problem("policy", "receive_denied",
                   "The policies do not allow " + quoted(principal.name) + " to receive " +
                       quoted(question_.topic) + ": " + may.error().message + ".");
  }
  if (refused.empty()) return add("policy", Outcome::ok, "The policies allow what it has subscribed to.");
  add("policy", Outcome::note,
      "The policies have changed since it subscribed and would refuse today: " + refused +
          ". Granted subscriptions stay until the client subscribes again or its session ends.");
}

void Judge::judge_publisher() {
  if (question_.publisher.empty()) return;
  if (!evidence_.publisher) {
    return add("publisher", Outcome::note,
               "There is no session " + quoted(question_.publisher) + " to publish from at the moment.");
  }
  const hub::SessionView& publisher = *evidence_.publisher;
  const auto may = authorize_(*publisher.principal, hub::Action::publish, question_.topic);
  if (!may) {
    return problem("publisher", "publisher_denied",
                   "The policies do not allow " + quoted(publisher.principal->name) + " to publish to " +
                       quoted(question_.topic) + ": " + may.error().message + ".");
  }
  if (publisher.held_by > 0) {
    return add("publisher", Outcome::note,
               "The publisher is held back since " + format_rfc3339(publisher.activity.held_since) + " by " +
                   number(publisher.held_by, "slow receiver", "slow receivers") +
                   ": its acknowledgements wait until they have caught up.");
  }
  if (const hub::PublishMeter* meter = publisher.activity.meter.find();
      meter != nullptr && meter->rests_until > evidence_.now) {
    return add("publisher", Outcome::note,
               "The publisher has published faster than it may: what it sends is not read before " +
                   format_rfc3339(meter->rests_until) + ".");
  }
  add("publisher", Outcome::ok, "The publisher may publish to it and is not held back.");
}

void Judge::judge_local() {
  const bool all_refuse = std::ranges::all_of(facts().matching, [](const auto& match) {
    return match.options.no_local == SubscriptionOptions::NoLocal::yes;
  });
  if (!all_refuse) return;
  if (question_.publisher == question_.client_id) {
    return problem("no_local", "no_local",
                   "The client has asked not to get its own messages (No Local), and this one is its own.");
  }
  add("no_local", Outcome::note,
      "The client has asked not to get its own messages (No Local); those of others reach it.");
}

void Judge::judge_qos() {
  std::string text = "It would be delivered at QoS " + std::to_string(static_cast<int>(qos_));
  if (qos_ < question_.qos) text += ", which is what the subscription was granted";
  if (online() || qos_ != QoS::at_most_once || only_shared_) return add("qos", Outcome::ok, text + ".");
  problem(
      "qos", "offline",
      text + ", and QoS 0 messages do not wait for a client that is away: publish and subscribe at QoS 1.");
}

/// Where it has a subscription of its own, too, the group decides nothing.
void Judge::judge_groups() {
  only_shared_ =
      std::ranges::all_of(facts().matching, [](const auto& match) { return hub::is_shared(match.filter); });
  std::string_view verdict;
  std::string summary;
  for (const hub::GroupView& group : evidence_.groups) {
    GroupJudgement judged = judge_group(question_, group);
    // The message of one group is enough.
    const bool better = summary.empty() || judged.verdict.empty() ||
                        (!verdict.empty() && !arrives(verdict) && arrives(judged.verdict));
    if (better) {
      verdict = judged.verdict;
      summary = judged.step.text;
    }
    if (!only_shared_ && judged.step.outcome == Outcome::problem) judged.step.outcome = Outcome::note;
    steps_.push_back(std::move(judged.step));
  }
  if (only_shared_ && !verdict.empty()) conclude(verdict, std::move(summary));
}

/// Whether one more message is more than the limits allow. True: the verdict is there.
bool Judge::judge_full(const hub::SessionView& client, const std::string& waits) {
  // Of the size that this one has, or those that wait have.
  const auto next = [&](std::size_t messages, std::size_t bytes) {
    if (question_.payload_bytes) return question_.topic.size() + *question_.payload_bytes;
    return messages == 0 ? question_.topic.size() : bytes / messages;
  };
  const hub::Limits& limits = evidence_.limits;
  if (qos_ == QoS::at_most_once) {
    const std::size_t bytes = client.queued_qos0_bytes;
    const bool full = client.queued_qos0 >= limits.qos0_messages ||
                      bytes + next(client.queued_qos0, bytes) > limits.qos0_bytes;
    if (!full || client.queued_qos0 == 0) return false;
    problem("queue", "queue_full",
            waits + ". That is all that the limits allow for QoS 0: for every new message the oldest goes.");
    return true;
  }
  const bool full = client.full == hub::SessionView::Full::yes || client.queued >= client.room_messages ||
                    client.queued_bytes + next(client.queued, client.queued_bytes) > client.room_bytes;
  if (!full || client.queued == 0) return false;
  problem("queue", "queue_full",
          waits + ", which is all that the limits allow (" + std::to_string(client.room_messages) +
              " messages, " + std::to_string(client.room_bytes) +
              " bytes): who publishes to it is refused with Quota exceeded until half of it is empty.");
  return true;
}

void Judge::judge_queue() {
  const hub::SessionView& client = session();
  const bool qos0 = qos_ == QoS::at_most_once;
  const std::size_t waiting = qos0 ? client.queued_qos0 : client.queued;
  const std::size_t bytes = qos0 ? client.queued_qos0_bytes : client.queued_bytes;
  std::string text =
      number(waiting, "message waits", "messages wait") + " for it (" + std::to_string(bytes) + " bytes)";
  if (!client.slow_reason.empty())
    text += ", since " + format_rfc3339(client.slow_since) + ": " + client.slow_reason;
  if (judge_full(client, text)) return;
  if (!online()) {
    add("queue", Outcome::ok, text + ".");
    return conclude("queued", "It would wait until the client comes back: " + text + " already.");
  }
  if (waiting == 0) {
    add("queue", Outcome::ok, "Nothing waits for it.");
    return conclude("delivered", "It would be sent at once.");
  }
  if (client.holds > 0) text += ". Its publishers are held back";
  add("queue", Outcome::note, text + ".");
  conclude("delayed", "It would be sent after what waits already: " + text + ".");
}

void Judge::judge_size() {
  const std::size_t limit = session().link.max_packet_bytes;
  if (!online() || limit == 0) return;
  // The topic, the payload, and at least the fixed header, the topic's length and the properties' length.
  constexpr std::size_t kOverhead = 5;
  const bool known = question_.payload_bytes.has_value();
  const std::size_t least = question_.topic.size() + question_.payload_bytes.value_or(0) + kOverhead;
  if (least <= limit) {
    if (limit < hub::kMaxTopicBytes || known) {
      add("packet_size", Outcome::ok,
          "The client takes packets of up to " + std::to_string(limit) + " bytes; larger ones are dropped.");
    }
    return;
  }
  const std::string text = "The client takes packets of up to " + std::to_string(limit) +
                           " bytes, and this one has at least " + std::to_string(least) + ": it is dropped.";
  add("packet_size", Outcome::problem, text);
  // Whatever the queue says: it is dropped when its turn comes.
  if (arrives(verdict_)) {
    verdict_ = "packet_too_large";
    summary_ = text;
  }
}

void Judge::tell_drops() {
  const hub::SessionActivity& activity = session().activity;
  std::uint64_t all = 0;
  for (const std::uint32_t count : activity.dropped) all += count;
  if (all == 0) return add("drops", Outcome::ok, "No message for it has been dropped so far.");
  std::string text;
  std::string same_topic;
  for (std::size_t i = 0; i < hub::kDropReasons; ++i) {
    if (activity.dropped[i] == 0) continue;
    text += (text.empty() ? "" : ", ") + std::to_string(activity.dropped[i]) + " because " +
            std::string(drop_words(static_cast<DropReason>(i)));
  }
  for (const hub::RecentDrop& drop : activity.recent) {
    if (drop.topic != std::string_view(question_.topic).substr(0, hub::kMaxRecentDropTopicBytes)) continue;
    same_topic = " Of this topic, " + number(drop.count, "was", "were") + " dropped, last at " +
                 format_rfc3339(drop.at) + ": " + std::string(drop_words(drop.reason)) + ".";
  }
  add("drops", Outcome::note,
      number(all, "message", "messages") + " for it were dropped: " + text + "." + same_topic);
  if (!same_topic.empty()) summary_ += same_topic;
}

void Judge::tell_retained() {
  if (!evidence_.retained) {
    return add("retained", Outcome::note,
               "Nothing is retained for the topic: a new subscriber gets no message at once.");
  }
  add("retained", Outcome::note,
      "A message of " + format_rfc3339(evidence_.retained->received_at) +
          " is retained for the topic; a client gets it when it subscribes, unless it asks not to.");
}

}  // namespace

bool arrives(std::string_view verdict) {
  constexpr std::array<std::string_view, 4> kArrives{"delivered", "delayed", "queued", "shared"};
  return std::ranges::find(kArrives, verdict) != kArrives.end();
}

Explanation explain(const Question& question, const Evidence& evidence, const hub::Authorizer& authorize) {
  return Judge(question, evidence, authorize).judge();
}

}  // namespace dunlin::broker
