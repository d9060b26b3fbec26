#pragma once
// What operators see of the groups of shared subscriptions.

#include <cstdint>
#include <string>
#include <vector>

#include "hub/limits.h"
#include "hub/message.h"
#include "hub/session_activity.h"
#include "hub/shared_messages.h"

namespace dunlin::hub {

struct GroupMemberView {
  SessionRef session;
  std::string client_id;  // empty: its session has gone since
  std::string thing;      // the principal's name
  QoS qos = QoS::at_most_once;
  std::uint16_t window = 0;     // messages that it may have at a time; 0: it is away
  std::uint16_t in_flight = 0;  // that it has
  std::uint64_t given = 0;      // so far
  std::uint64_t filled = 0;     // how often its window became full
  /// away: not connected. full: nothing more until it acknowledges something.
  enum class Readiness : std::uint8_t { ready, full, away };
  Readiness readiness() const {
    if (window == 0) return Readiness::away;
    return in_flight < window ? Readiness::ready : Readiness::full;
  }
};
std::string_view readiness_name(GroupMemberView::Readiness readiness);

/// Numbers count since the group was made, or since the process started.
struct GroupView {
  std::string name;  // "$share/GROUP/FILTER"
  SharedStrategy strategy = SharedStrategy::round_robin;
  std::size_t members = 0;
  std::size_t connected = 0;                                      // of them
  std::size_t ready = 0;                                          // of these: can take a message now
  enum class Keeps : std::uint8_t { no, yes } keeps = Keeps::no;  // messages, while all members are away
  std::size_t queued = 0;                                         // QoS 1 and 2 that wait in the group
  std::uint64_t queued_bytes = 0;
  std::size_t on_disk = 0;  // of these: on the disk only
  std::uint64_t on_disk_bytes = 0;
  std::size_t queued_qos0 = 0;
  std::size_t room_messages = 0;  // at so many waiting, publishers to it are refused
  std::uint64_t room_bytes = 0;
  enum class Full : std::uint8_t { no, yes } full = Full::no;  // they are refused now
  std::size_t holds = 0;                                       // publishers that it holds back
  std::size_t lent = 0;                                        // with members, not acknowledged
  std::size_t handed_over = 0;  // of these: QoS 2, stored with a member that waits for the group's word
  std::uint64_t given = 0;      // to members, so far
  std::uint64_t returned = 0;   // by members that went
  SessionActivity activity;     // what expired, or was dropped
  SessionRef next;              // who would get the next message; generation 0: nobody, or it depends
  std::vector<GroupMemberView> member_list;  // of one group that is shown; at most kMaxGroupMembersShown
  std::string next_client;                   // likewise: of `next`
};

struct GroupQuery {
  TenantId tenant = kDefaultTenant;
  std::string group = {};     // exactly this group, whatever its filter
  std::string contains = {};  // in the name
  std::string topic = {};     // whose filter matches this topic
  /// queued: the most messages first. The name decides between equals.
  enum class Order : std::uint8_t { name, queued } order = Order::name;
  std::string after = {};  // GroupPage::next
  std::size_t limit = 100;
};
struct GroupPage {
  std::vector<GroupView> groups;
  std::size_t matched = 0;  // behind `after`, in all
  std::string next;         // empty: no more
};

/// What has been taken from a group.
struct GroupLoss {
  std::size_t members = 0;   // whose subscriptions have ended
  std::size_t messages = 0;  // that waited, or were with members
  std::vector<SessionRef> sessions = {};
};

}  // namespace dunlin::hub
