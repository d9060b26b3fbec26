#pragma once
// What operators see of the hub: sessions, subscriptions and retained messages, read across the shards while
// traffic goes on. Each shard looks at a bounded number of entries per turn.

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/result.h"
#include "hub/bus.h"
#include "hub/group_view.h"
#include "hub/session_activity.h"
#include "hub/session_link.h"

namespace dunlin::hub {

inline constexpr std::size_t kMaxPageRows = 1000;
inline constexpr std::size_t kViewStepsPerTurn =
    2048;  // slots, subscriptions or topics that one turn looks at
inline constexpr std::size_t kMaxMatchingShown = 100;  // subscriptions of one session in an explanation
/// A connected session whose oldest message has waited longer than this is slow.
inline constexpr Duration kSlowAfter = std::chrono::seconds{2};

/// `slow`: connected, and holds its publishers back or lets messages wait for longer than kSlowAfter.
enum class SessionCondition : std::uint8_t { slow, online, offline };
std::string_view session_condition_name(SessionCondition condition);

/// One session as it is now. Numbers count since the session was made, or since the process started.
struct SessionView {
  std::string client_id;
  PrincipalRef principal;
  SessionCondition condition = SessionCondition::offline;
  WallTime since{};         // connected, or away
  std::string slow_reason;  // for people; empty: not slow
  WallTime slow_since{};    // of the oldest message that waits
  std::string protocol;     // "mqtt" ...
  std::string address;      // of its last connection
  LinkInfo link;            // of a connected session
  std::uint32_t expiry_seconds = 0;
  std::uint16_t receive_maximum = 0;
  std::size_t subscriptions = 0;
  std::size_t queued = 0;  // QoS 1 and 2, not sent so far
  std::size_t queued_bytes = 0;
  std::size_t on_disk = 0;  // of these: on the disk only
  std::size_t on_disk_bytes = 0;
  std::size_t room_messages = 0;  // at so many waiting, publishers to it are refused
  std::size_t room_bytes = 0;
  enum class Full : std::uint8_t { no, yes } full = Full::no;  // they are refused now
  std::size_t queued_qos0 = 0;
  std::size_t queued_qos0_bytes = 0;
  std::size_t in_flight_out = 0;  // sent and not acknowledged wholly
  std::size_t in_flight_in = 0;   // QoS 2 exchanges of the client that are open
  std::size_t holds = 0;          // publishers that it holds back
  WallTime holding_since{};       // the first of them; the epoch: none
  std::size_t held_by = 0;        // receivers that hold it back as a publisher
  SessionActivity activity;
};

struct SessionQuery {
  TenantId tenant = kDefaultTenant;
  std::string prefix = {};    // of the client id
  std::string contains = {};  // in the client id
  std::string thing = {};     // the principal's name
  std::string address = {};   // in the peer's address
  std::string topic = {};     // has a subscription that matches this topic
  /// online takes the slow ones, too.
  enum class State : std::uint8_t { any, slow, online, offline } state = State::any;
  /// state: slow, online, offline. queued: the most messages first. The client id decides between equals.
  enum class Order : std::uint8_t { client_id, state, queued } order = Order::client_id;
  std::string after = {};  // SessionPage::next
  std::size_t limit = 100;
};
struct SessionPage {
  std::vector<SessionView> sessions;
  std::size_t matched = 0;  // behind `after`, in all
  std::string next;         // empty: no more
};

struct SubscriptionView {
  std::string client_id;
  std::string filter;  // as subscribed, with "$share/GROUP/"
  SubscriptionOptions options;
  SessionCondition condition = SessionCondition::offline;
};
struct SubscriptionQuery {
  TenantId tenant = kDefaultTenant;
  std::string client_id = {};  // of this client only
  std::string topic = {};      // that match this topic
  std::string filter = {};     // exactly this one
  std::string after = {};      // SubscriptionPage::next
  std::size_t limit = 100;
};
struct SubscriptionPage {
  std::vector<SubscriptionView> subscriptions;  // by client id, then filter
  std::size_t matched = 0;
  std::string next;
};

struct RetainedQuery {
  TenantId tenant = kDefaultTenant;
  std::string filter = {};  // empty: every topic, also those that begin with '$'
  std::string after = {};   // a topic
  std::size_t limit = 100;
};
struct RetainedPage {
  std::vector<Message> messages;  // by topic
  std::string next;
};

/// The facts that decide whether a session gets a message.
struct DeliveryFacts {
  struct Match {
    std::string filter;
    SubscriptionOptions options;
  };
  /// A filter that does not match but agrees with the topic on more levels than any other.
  struct Nearest {
    std::string filter;
    std::size_t level = 0;  // of the first difference, from 1
    std::string wanted;     // there, in the filter; empty: the filter has ended
    std::string found;      // there, in the topic; empty: the topic has ended
  };
  SessionView session;
  std::vector<Match> matching;  // at most kMaxMatchingShown
  std::optional<Nearest> nearest;
};

class Hub;

/// Any thread; completions run on `reply_to`. The hub must outlive it and its calls.
class HubView {
 public:
  explicit HubView(Hub& hub) : hub_(hub) {}
  template <class T>
  using Done = std::move_only_function<void(T)>;

  void sessions(Executor& reply_to, SessionQuery query, Done<SessionPage> done) const;
  void session(Executor& reply_to, TenantId tenant, std::string client_id,
               Done<std::optional<SessionView>> done) const;
  void subscriptions(Executor& reply_to, SubscriptionQuery query, Done<SubscriptionPage> done) const;
  void retained(Executor& reply_to, RetainedQuery query, Done<RetainedPage> done) const;
  void facts(Executor& reply_to, TenantId tenant, std::string client_id, std::string topic,
             Done<std::optional<DeliveryFacts>> done) const;

  enum class State : std::uint8_t { keep, forget };
  /// Disconnects the client (MQTT 5: 0x98) and, with `forget`, removes what is kept for it. Says which
  /// condition it had. Errors: not_found, conflict (it is not connected, and nothing is to be forgotten).
  void end(Executor& reply_to, TenantId tenant, std::string client_id, State state, std::string detail,
           Done<Result<SessionCondition>> done) const;

  // Groups of shared subscriptions, by "$share/GROUP/FILTER" (group_view.cc).
  void groups(Executor& reply_to, GroupQuery query, Done<GroupPage> done) const;
  /// With its members. `publisher` (or null): who gets the next message, if it is this one's.
  void group(Executor& reply_to, TenantId tenant, std::string name, PrincipalRef publisher,
             Done<std::optional<GroupView>> done) const;
  /// Removes what waits for the group or is with its members; it goes on without. The answer comes when that
  /// is on the disk. Errors: not_found, those of the store.
  void clear_group(Executor& reply_to, TenantId tenant, std::string name, Done<Result<GroupLoss>> done) const;
  /// Removes the group, and the subscriptions of its members.
  void end_group(Executor& reply_to, TenantId tenant, std::string name, Done<Result<GroupLoss>> done) const;

  /// Every shard has had its turn twice: what one has sent to another before the call has arrived there.
  void settle(Executor& reply_to, Task done) const;

 private:
  Hub& hub_;
};

}  // namespace dunlin::hub
