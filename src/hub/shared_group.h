#pragma once
// A shared subscription's group (MQTT 5.0 section 4.8.2): a queue of its own, and the members that empty it.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hub/session.h"
#include "hub/session_link.h"

namespace dunlin::hub {

/// What a group must know of a member's connection.
struct MemberState {
  std::uint16_t window = 0;  // messages that it may have at a time; 0: it is away
  enum class Lasting : std::uint8_t { no, yes } lasting = Lasting::no;  // its session outlives its connection
};

/// A group is a session whose peers are its members: messages wait in its queue, outlive the process there if
/// a member's session does, and are in flight until a member is done with them. It lives on the home shard of
/// "$share/...", its members anywhere. What a member that goes had not acknowledged, goes to another; but a
/// QoS 2 message that was sent stays with the one it was sent to (section 4.8.2). Its session's client id is
/// the members' filter,
/// "$share/...". Its shard's thread only.
class SharedGroup final : public SessionLink {
 public:
  SharedGroup(Shard& shard, Session& session) : shard_(shard), session_(&session) {}

  /// A member joins, or changes its options or its state.
  void join(SessionRef member, const SubscriptionOptions& options, MemberState state);
  void update(SessionRef member, MemberState state);
  void leave(SessionRef member);
  bool empty() const { return members_.empty(); }
  bool is_lasting() const;

  Session& session() { return *session_; }
  /// After the queue has been given up for a new, empty one.
  void set_session(Session& session);
  void answered(const SharedAnswer& answer);
  /// Ends the connections of members that hold messages: none was acknowledged for too long.
  void end_stuck_members();

  // SessionLink

  void deliver(const Outbound& publish, EncodingCache& cache) override;
  void release(std::uint16_t packet_id) override;
  bool can_take() const override;
  void pause() override {}   // a group publishes nothing
  void resume() override {}  // a group publishes nothing
  void ended(EndReason, std::string_view) override {}

 private:
  struct Member {
    SessionRef session;
    SubscriptionOptions options;
    MemberState state;
    std::uint16_t in_flight = 0;
    bool may_take() const { return in_flight < state.window; }
  };
  /// A message in flight: who has it.
  struct Dispatch {
    SessionRef member;
    std::uint16_t attempt = 0;
    std::uint64_t held = 0;  // its number at a member that has stored it and waits for our word
  };
  Member* find(SessionRef member);
  Member& choose(const Message& message);
  Member& choose_next();
  Member& choose_least_busy();
  Member& choose_for(const Principal& publisher);
  void members_changed();
  void let_go_of(std::uint16_t packet_id);

  Shard& shard_;
  Session* session_;
  std::vector<Member> members_;
  std::unordered_map<std::uint16_t, Dispatch> dispatched_;
  std::size_t next_ = 0;
  std::uint16_t attempts_ = 0;
};

}  // namespace dunlin::hub
