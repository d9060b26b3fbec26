#include "service/broker/explain_group.h"

#include <algorithm>

#include "hub/topic.h"
#include "service/broker/words.h"

namespace dunlin::broker {
namespace {

using hub::GroupMemberView;
using hub::GroupView;
using hub::SharedStrategy;
using Outcome = Step::Outcome;
using Readiness = GroupMemberView::Readiness;

constexpr std::size_t kOthersNamed = 10;

std::string_view strategy_words(SharedStrategy strategy) {
  switch (strategy) {
    case SharedStrategy::round_robin:
      return "in turns";
    case SharedStrategy::least_in_flight:
      return "to the one with the fewest messages in flight";
    case SharedStrategy::sticky:
      return "to the same one for the same publisher";
  }
  return "";
}

std::string load(const GroupMemberView& member) {
  return std::to_string(member.in_flight) + " of " + std::to_string(member.window);
}

std::string others_of(const Question& question, const GroupView& group) {
  std::string text;
  std::size_t named = 0;
  for (const GroupMemberView& member : group.member_list) {
    if (member.client_id == question.client_id) continue;
    if (++named > kOthersNamed) continue;
    text += (text.empty() ? "" : ", ") + quoted(member.client_id) + " (" +
            std::string(hub::readiness_name(member.readiness()));
    if (member.window > 0) text += ", " + load(member);
    text += ")";
  }
  if (named > kOthersNamed) text += " and " + std::to_string(named - kOthersNamed) + " more";
  return text;
}

std::string about(const Question& question, const GroupView& group, const GroupMemberView& member) {
  const hub::SharedFilter parts = hub::split_shared(group.name);
  std::string text = "The group " + quoted(parts.group) + " gives each message of " + quoted(parts.filter) +
                     " to one of its members, " + std::string(strategy_words(group.strategy)) + ". ";
  const std::string others = others_of(question, group);
  text += others.empty() ? "This client is its only member. " : "The others: " + others + ". ";
  text += "This client got " + std::to_string(member.given) + " of " +
          number(group.given, "message", "messages") + " so far";
  if (member.filled > 0) text += "; its window became full " + number(member.filled, "time", "times");
  return text + ". ";
}

std::string waiting(const GroupView& group) {
  return number(group.queued, "message waits", "messages wait") + " in the group already";
}

/// For a member that cannot take it.
GroupJudgement passed_over(const GroupView& group, const std::string& why) {
  if (group.ready == 0) {
    return {{"shared_group", Outcome::note,
             why + ", and no other member can take one: it waits in the group for the first that can; " +
                 waiting(group) + "."},
            "delayed"};
  }
  std::string to = "another member gets it";
  if (!group.next_client.empty()) to += ": " + quoted(group.next_client);
  return {{"shared_group", Outcome::problem, why + ", so " + to + "."}, "shared_other"};
}

GroupJudgement judge_absent(const Question& question, const GroupView& group) {
  if (group.connected > 0) return passed_over(group, "This client is away");
  if (question.qos == hub::QoS::at_most_once || group.keeps == GroupView::Keeps::no) {
    return {{"shared_group", Outcome::problem, "All members are away, and such a message does not wait."},
            "offline"};
  }
  return {
      {"shared_group", Outcome::note,
       "All members are away: it waits in the group for the first that comes back; " + waiting(group) + "."},
      "queued"};
}

GroupJudgement judge_ready(const Question& question, const GroupView& group, const GroupMemberView& member) {
  if (group.ready == 1)
    return {{"shared_group", Outcome::ok, "It is the only member that can take a message now."}, {}};
  if (group.next_client == question.client_id)
    return {{"shared_group", Outcome::ok, "The next message of the group is this client's."}, {}};
  if (group.next_client.empty()) {
    return {{"shared_group", Outcome::note,
             "Who gets it depends on who publishes: ask with the publisher's client id."},
            "shared"};
  }
  const std::string next = quoted(group.next_client);
  switch (group.strategy) {
    case SharedStrategy::round_robin:
      return {
          {"shared_group", Outcome::note, "It is the turn of " + next + ": this client gets a later one."},
          "shared"};
    case SharedStrategy::least_in_flight:
      return {{"shared_group", Outcome::note,
               "The next message goes to " + next + ", which has no more in flight than this client's " +
                   std::to_string(member.in_flight) + "."},
              "shared"};
    case SharedStrategy::sticky:
      break;
  }
  return {{"shared_group", Outcome::problem,
           "The messages of " + quoted(question.publisher) + " go to " + next + " while it can take them."},
          "shared_other"};
}

GroupJudgement judge_member(const Question& question, const GroupView& group, const GroupMemberView& member) {
  if (group.full == GroupView::Full::yes && question.qos != hub::QoS::at_most_once) {
    return {{"shared_group", Outcome::problem,
             "The group's queue is full, " + waiting(group) +
                 ": who publishes to it is refused with Quota exceeded until half of it is empty."},
            "queue_full"};
  }
  switch (member.readiness()) {
    case Readiness::away:
      return judge_absent(question, group);
    case Readiness::full:
      return passed_over(group,
                         "This client's window is full: " + load(member) + " messages are not acknowledged");
    case Readiness::ready:
      break;
  }
  return judge_ready(question, group, member);
}

}  // namespace

GroupJudgement judge_group(const Question& question, const GroupView& group) {
  const auto member = std::ranges::find(group.member_list, question.client_id, &GroupMemberView::client_id);
  if (member == group.member_list.end()) {
    return {{"shared_group", Outcome::note,
             "The group " + quoted(group.name) + " has " + number(group.members, "member", "members") +
                 ": one of them gets the message, perhaps this client."},
            "shared"};
  }
  GroupJudgement judged = judge_member(question, group, *member);
  judged.step.text = about(question, group, *member) + judged.step.text;
  return judged;
}

}  // namespace dunlin::broker
