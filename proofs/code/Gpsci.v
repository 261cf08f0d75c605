(* SPDX-License-Identifier: GPL-2.0-only *)
(* gpsci.c: PSCI of protected guests, as the top machine answers (top/Guest.v). *)
From KCore Require Import code.Context code.Idreg code.Regs code.Cpu gen.C_gpsci.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* The vCPU of the same VM with this affinity, and its power: top/Guest.v, sibling, on cells. *)
Definition near (vcpu : Z) (s : state) : Z -> option (Z * Z) := fun mpidr =>
  let m := Z.land mpidr 0xff00ffffff in
  let t := vcpu / KCORE_VM_VCPUS * KCORE_VM_VCPUS + m in
  if KCORE_VM_VCPUS <=? m then None else
  if cell s "vcpu_state" t =? VCPU_FREE then None else Some (t, cell s "vcpu_power" t).
Definition target_of (o : option (Z * Z)) : Z := match o with Some (t, _) => t | None => NO_VCPU end.

Ltac psci := unfold Guest.PSCI_64, Guest.PSCI_CPU_ON, Guest.PSCI_CPU_OFF, Guest.PSCI_SYSTEM_OFF, Guest.PSCI_SYSTEM_RESET,
  Guest.PSCI_AFFINITY_INFO, Guest.PSCI_VERSION, Guest.PSCI_FEATURES, Guest.PSCI_CPU_SUSPEND, Guest.PSCI_MIGRATE_TYPE,
  Guest.SMCCC_VERSION, Guest.PSCI_NOT_SUPPORTED, Guest.PSCI_INVALID, Guest.PSCI_ALREADY_ON, Guest.PSCI_INTERNAL,
  Guest.PSCI_BAD_ADDRESS in *.

Definition s_guest_target : prim state := fun args s =>
  match args with
  | [vcpu; mpidr] => pre vcpu_number vcpu && (Z.land mpidr 0xff00ffffff =? mpidr) in
      Ok (target_of (near vcpu s mpidr), s)
  | _ => Stuck
  end.

Lemma number_range v : vcpu_number v = true -> 0 <= v < 4096 /\ 0 <= v / 16 < 256.
Proof.
  unfold vcpu_number, KCORE_NR_VCPUS. intros H. props.
  repeat split; try lia; [apply Z.div_pos; lia|apply Z.div_lt_upper_bound; lia].
Qed.
Ltac vcpu_range :=
  match goal with
  | H : vcpu_number ?v = true |- _ => destruct (number_range v H)
  | H : 0 <= ?v < 4096 |- _ =>
      pose proof (Z.div_pos v 16 ltac:(lia) ltac:(lia)); pose proof (Z.div_lt_upper_bound v 16 256 ltac:(lia) ltac:(lia))
  end.

Lemma guest_target_ok : meets (run L1 f_guest_target) s_guest_target.
Proof.
  spec_args. vcpu_range. match goal with X : Z.land z0 _ = z0 |- _ => rename X into E end.
  pose proof (land_bound z0 0xff00ffffff ltac:(lia)). unfold near, target_of. rewrite E in *. names.
  start f_guest_target. hide. steps; reveal; conds; try reflexivity. destruct (_ =? 0); reflexivity.
Qed.

Lemma near_land vcpu s m : near vcpu s (Z.land m 0xff00ffffff) = near vcpu s m.
Proof. unfold near. rewrite <- Z.land_assoc, Z.land_diag. reflexivity. Qed.
Lemma affinity_land m : Z.land (Z.land m 0xff00ffffff) 0xff00ffffff = Z.land m 0xff00ffffff.
Proof. rewrite <- Z.land_assoc, Z.land_diag. reflexivity. Qed.
Lemma near_range vcpu s mpidr t p : vcpu_number vcpu = true -> near vcpu s mpidr = Some (t, p) ->
  0 <= t < 4096 /\ p = cell s "vcpu_power" t.
Proof.
  intros V. destruct (number_range vcpu V). unfold near, KCORE_VM_VCPUS. pose proof (land_bound mpidr 0xff00ffffff ltac:(lia)).
  destruct (Z.leb_spec 16 (Z.land mpidr 0xff00ffffff)); [discriminate|]. destruct (_ =? VCPU_FREE); [discriminate|].
  intros [= <- <-]. split; [lia|reflexivity].
Qed.

(* CPU_ON; the caller holds the lock. *)
Definition start_vcpu (t entry x0 : Z) (s : state) : state :=
  setcell "vcpu_power" t POWER_BOOT (setcell "vcpu_entry_x0" t x0 (setcell "vcpu_entry" t entry s)).
Definition s_guest_cpu_on : prim state := fun args s =>
  match args with
  | [t; entry; x0] => pre held s && vcpu_number t && word64 entry && word64 x0 in
      if cell s "vcpu_power" t =? POWER_OFF then Ok (1, start_vcpu t entry x0 s) else Ok (Guest.PSCI_ALREADY_ON, s)
  | _ => Stuck
  end.

Lemma guest_cpu_on_ok : meets (run L1 f_guest_cpu_on) s_guest_cpu_on.
Proof. spec_args. vcpu_range. unfold word64 in *. props. names. start f_guest_cpu_on. hide. steps; finish. Qed.

(* CPU_ON of a guest: the vCPU that is to start, and why not. *)
Inductive cpu_on := OnError (r : Z) | OnStart (t entry x0 : Z).
Definition psci_on (vcpu fn : Z) (R : Z -> Z) (s : state) : cpu_on :=
  let mask := if Guest.bit_of fn Guest.PSCI_64 then Guest.MASK64 else 0xffffffff in
  match near vcpu s (Z.land (R 1) mask) with
  | None => OnError Guest.PSCI_INVALID
  | Some (t, power) =>
      if negb (Z.land (Z.land (R 2) mask) 3 =? 0) then OnError Guest.PSCI_BAD_ADDRESS else
      if negb (power =? POWER_OFF) then OnError Guest.PSCI_ALREADY_ON else
      OnStart t (Z.land (R 2) mask) (Z.land (R 3) mask)
  end.
Definition s_guest_psci_on : prim state := fun args s =>
  match args with
  | [vcpu; context; fn] => pre vcpu_number vcpu && ctx_ok s context && negb (held s) in
      match psci_on vcpu fn (words_of context s) s with
      | OnError r => Ok (r, s)
      | OnStart t entry x0 => Ok (1, start_vcpu t entry x0 s)
      end
  | _ => Stuck
  end.

Lemma unlocked s : held s = false -> sethold false s = s.
Proof. destruct s as [a b c h]; cbn. intros ->. reflexivity. Qed.
Lemma locked_unlocked s : held s = false -> sethold false (sethold true s) = s.
Proof. intros H. exact (unlocked s H). Qed.
Lemma locked_cells t e x s : held s = false -> sethold false (start_vcpu t e x (sethold true s)) = start_vcpu t e x s.
Proof. intros H. rewrite <- (unlocked s H) at 2. reflexivity. Qed.

Definition L_on : layer state := add (add L1 "guest_target" s_guest_target) "guest_cpu_on" s_guest_cpu_on.

Lemma guest_psci_on_ok : meets (run L_on f_guest_psci_on) s_guest_psci_on.
Proof.
  spec_args. contexts. unfold psci_on. guest_bits. psci.
  pose (mask := if negb (Z.land z1 1073741824 =? 0) then 18446744073709551615 else 4294967295).
  assert (M : 0 <= mask < 2 ^ 64) by (subst mask; destruct (negb _); lia).
  assert (B : forall x, 0 <= Z.land x mask < 2 ^ 64) by (intros x; pose proof (land_bound x mask ltac:(lia)); lia).
  pose proof (B (word s (z0 + 16))). pose proof (B (word s (z0 + 24))).
  pose proof (affinity_land (Z.land (word s (z0 + 8)) mask)). subst mask.
  start f_guest_psci_on. hide. steps_to "guest_target". call. rewrite near_land.
  change (words_of z0 s 1) with (word s (z0 + 8)) in post. change (words_of z0 s 2) with (word s (z0 + 16)) in post.
  change (words_of z0 s 3) with (word s (z0 + 24)) in post.
  destruct (near z s _) as [[t p]|] eqn:N; cbn [target_of].
  - destruct (near_range _ _ _ _ _ ltac:(eassumption) N) as [T ->]. names. go; [reveal; conds; reflexivity|].
    match goal with |- returns_to _ _ _ (if ?b then _ else _) => destruct b eqn:Y end; go; names; reveal; conds;
      rewrite ?(locked_cells _ _ _ _ ltac:(eassumption)), ?(locked_unlocked _ ltac:(eassumption)); reflexivity.
  - go. reveal. reflexivity.
Qed.

Definition s_guest_psci_info : prim state := fun args s =>
  match args with
  | [vcpu; context] => pre vcpu_number vcpu && ctx_ok s context in
      Ok (Guest.psci_info (near vcpu s) (words_of context s), s)
  | _ => Stuck
  end.

Lemma guest_psci_info_ok : meets (run (add L1 "guest_target" s_guest_target) f_guest_psci_info) s_guest_psci_info.
Proof.
  spec_args. contexts. unfold Guest.psci_info. psci. pose proof (affinity_land (word s (z0 + 8))).
  start f_guest_psci_info. hide. steps_to "guest_target". call. rewrite near_land.
  change (words_of z0 s 1) with (word s (z0 + 8)) in post. change (words_of z0 s 2) with (word s (z0 + 16)) in post.
  destruct (near z s _) as [[t p]|] eqn:N; cbn [target_of].
  - destruct (near_range _ _ _ _ _ ltac:(eassumption) N) as [T ->]. names. go; reveal; conds; try reflexivity.
    destruct (orb_prop _ _ C) as [X|X]; [props; lia|rewrite X; reflexivity].
  - go. reveal. reflexivity.
Qed.

Definition s_guest_psci_features : prim state := fun args s =>
  match args with [fn] => Ok (Guest.psci_features fn, s) | _ => Stuck end.

Lemma guest_psci_features_ok : meets (run L1 f_guest_psci_features) s_guest_psci_features.
Proof.
  spec_args. unfold Guest.psci_features. guest_bits. psci. masks. cbn [existsb]. rewrite !orb_false_r, !orb_assoc.
  start f_guest_psci_features. hide. steps; finish.
Qed.

(* The power of a vCPU, by itself. *)
Definition s_guest_off : prim state := fun args s =>
  match args with
  | [vcpu] => pre vcpu_number vcpu && negb (held s) in Ok (0, setcell "vcpu_power" vcpu POWER_OFF s)
  | _ => Stuck
  end.

Lemma locked_power v p s : held s = false ->
  sethold false (setcell "vcpu_power" v p (sethold true s)) = setcell "vcpu_power" v p s.
Proof. intros H. rewrite <- (unlocked s H) at 2. reflexivity. Qed.

Lemma guest_off_ok : meets (run L1 f_guest_off) s_guest_off.
Proof.
  spec_args. vcpu_range. start f_guest_off. hide. steps. reveal. rewrite locked_power by assumption. reflexivity.
Qed.

Definition s_guest_call : prim state := fun args s =>
  match args with
  | [vcpu; context; fn] => pre vcpu_number vcpu && ctx_ok s context in
      Ok (Guest.guest_call (near vcpu s) fn (words_of context s), s)
  | _ => Stuck
  end.

Definition L_call : layer state :=
  add (add L1 "guest_psci_info" s_guest_psci_info) "guest_psci_features" s_guest_psci_features.

Lemma guest_call_ok : meets (run L_call f_guest_call) s_guest_call.
Proof. spec_args. contexts. unfold Guest.guest_call. guest_bits. psci. masks. start f_guest_call. hide. steps; finish. Qed.

Definition gpsci_specs : list (string * prim state) := [
  ("guest_target", s_guest_target); ("guest_cpu_on", s_guest_cpu_on); ("guest_psci_on", s_guest_psci_on);
  ("guest_psci_info", s_guest_psci_info); ("guest_psci_features", s_guest_psci_features); ("guest_off", s_guest_off);
  ("guest_call", s_guest_call)].

(* gpsci.c up to the calls that are answered here. *)
Theorem gpsci_refines : refines eq (firstn 7 m_gpsci) L1 (extend L1 gpsci_specs).
Proof.
  apply module_meets. cbn [firstn m_gpsci].
  module_step guest_target_ok. module_step guest_cpu_on_ok. module_step guest_psci_on_ok. module_step guest_psci_info_ok.
  module_step guest_psci_features_ok. module_step guest_off_ok. module_step guest_call_ok. exact I.
Qed.
