(* SPDX-License-Identifier: GPL-2.0-only *)
(* SMCs of the host: what goes to firmware, and what KCore answers. *)
From KCore Require Import code.Common code.Log code.Stats code.Cpu code.Psci code.HostSmc code.Run code.Trap gen.C_psci gen.C_trap
  top.InvStep.
From KCore Require Export sim.HostNote sim.HostTrap.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Lemma host_other_smc p c s r s' : is_cpu c -> 0 <= Base.reg s "esr" 0 -> Z.shiftr (Base.reg s "esr" 0) 26 = 23 -> p [c] s = Ok (r, s') ->
  Lang.run (add L1 "host_smc" p) f_host_other [c; Base.reg s "esr" 0] s = Ok (0, s').
Proof.
  unfold is_cpu, KCORE_MAX_CPUS. intros C Pe S E.
  assert (Go : forall y, y = Ok (0, s') -> y = Ok (0, s')) by auto. apply Go. clear Go. code f_host_other.
  assert (0 <= c < 64) by lia. set (e := Base.reg s "esr" 0) in *.
  repeat first [progress (rewrite ?E; cbn [returns_to put setv]; cbn beta iota) | step].
  all: cbn [result] in *; try reflexivity.
Qed.
Lemma does_host_other_smc : does "host_other" (Lang.run (add L1 "host_smc" (link L1 above "host_smc")) f_host_other).
Proof.
  assert (does "host_smc" (link L1 above "host_smc")) by apply sim_refl.
  apply (does_meets _ f_host_other (add L1 "host_smc" (link L1 above "host_smc"))); [reflexivity|callees|intros args s; right;
    reflexivity].
Qed.
Lemma does_cpu_by_affinity : does "cpu_by_affinity" s_cpu_by_affinity. Proof. does_by cpu_by_affinity_ok. Qed.
Lemma does_relay_entry : does "relay_entry" s_relay_entry. Proof. does_by relay_entry_ok. Qed.
Lemma does_cpu_on_claim : does "cpu_on_claim" s_cpu_on_claim. Proof. does_by cpu_on_claim_ok. Qed.
Lemma does_argument : does "argument" s_argument. Proof. does_by argument_ok. Qed.
Lemma does_host_cpu_on : does "host_cpu_on" s_host_cpu_on.
Proof.
  pose proof does_log_event. pose proof does_cpu_by_affinity. pose proof does_argument. pose proof does_cpu_on_claim.
    pose proof does_relay_entry.
  does_by host_cpu_on_ok.
Qed.
Lemma does_host_cpu_off : does "host_cpu_off" s_host_cpu_off. Proof. does_by host_cpu_off_ok. Qed.
Lemma does_host_cpu_suspend : does "host_cpu_suspend" s_host_cpu_suspend.
Proof. pose proof does_argument. pose proof does_relay_entry. does_by host_cpu_suspend_ok. Qed.
Lemma does_smc_allowed : does "smc_allowed" s_smc_allowed. Proof. does_by smc_allowed_ok. Qed.
Lemma does_host_features : does "host_features" s_host_features. Proof. pose proof does_smc_allowed. does_by host_features_ok. Qed.
Lemma does_host_smc : does "host_smc" s_host_smc.
Proof.
  pose proof does_log_event. pose proof does_stat_add. pose proof does_host_cpu_on. pose proof does_host_cpu_off.
    pose proof does_host_cpu_suspend.
  pose proof does_smc_allowed. pose proof does_host_features. does_by host_smc_ok.
Qed.

(* When firmware was asked last: so many primitives before. *)
Fixpoint asked_at (l : list (string * list Z)) : nat :=
  match l with [] => O | (f, _) :: l => if String.eqb f "smc_forward" then List.length l else asked_at l end.
(* What the machine says in a run of the C from s to s'. *)
Definition platform_of (s s' : state) : platform :=
  let n := cell s "nr_cpus" 0 in
  let cpu := first_cpu s (Z.land (Base.reg s "host_x" 1) 0xff00ffffff) 0 (Z.to_nat n) in
  mkplatform (map (fun j => answer s (asked_at (trace s')) j mod 2 ^ 64) (range 0 18))
    (if cpu <? n then Some (cpu, cell s "cpu_power" cpu =? POWER_OFF) else None).
Lemma combine_map {A B} (f : A -> B) l : combine l (map f l) = map (fun a => (a, f a)) l.
Proof. induction l as [|a l IH]; cbn; congruence. Qed.
Lemma written_map g l k : forall f : Z -> Z, In k l \/ f k = g k -> written (map (fun a => (a, g a)) l) f k = g k.
Proof.
  unfold written. induction l as [|a l IH]; intros f A; cbn [map fold_left fst snd]; [destruct A as [[]|A]; exact A|]. apply IH.
    unfold upd.
  destruct (Z.eqb_spec k a) as [->|N]; [right; reflexivity|]. destruct A as [[A|A]|A]; [congruence|left; exact A|right; exact A].
Qed.
Lemma written_forwarded s s' f k : written (forwarded (platform_of s s')) f k =
  if (0 <=? k) && (k <? 18) then answer s (asked_at (trace s')) k mod 2 ^ 64 else f k.
Proof.
  unfold forwarded. cbn [p_firmware platform_of]. rewrite combine_map. destruct ((0 <=? k) && (k <? 18)) eqn:E.
  - apply (written_map (fun j => answer s (asked_at (trace s')) j mod 2 ^ 64)). left. apply range_in. props. lia.
  - apply not_written. intros w W X. apply in_map_iff in W as (a & <- & A). cbn [fst] in X. subst a. apply range_in in A. props. lia.
Qed.
Lemma written_relayed s s' x f k : written (relayed (platform_of s s') x) f k =
  if k =? 3 then x 3 else if k =? 2 then x 2 else if (0 <=? k) && (k <? 18) then answer s (asked_at (trace s')) k mod 2 ^ 64 else f k.
Proof.
  unfold relayed. rewrite written_app, <- (written_forwarded s s' f k). unfold written at 1. cbn [fold_left fst snd]. unfold upd.
  destruct (k =? 3); [reflexivity|]. destruct (k =? 2); reflexivity.
Qed.

Definition sized_host (s : state) : Prop := forall k, 0 <= k < 31 -> 0 <= host_word s k < 2 ^ 64.
Lemma argument_sized fn v : 0 <= v < 2 ^ 64 -> 0 <= argument fn v < 2 ^ 64.
Proof. intros V. unfold argument. destruct (Guest.bit_of fn _); cbv iota; [exact V|]. pose proof (Bits.land_bound v 0xffffffff
  ltac:(lia)). lia. Qed.

Section HostSmc.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).
Notation noting := (noting fixed).

(* From state s, in the words of the top machine: s' has these notes more than l, and the host's registers with these writes. *)
Definition says (c : Z) (t : st) (l : list note) (s s' : state) (r : reply) : Prop :=
  held s' = false /\ noting c t (fst r ++ l) s' /\ forall k, 0 <= k < 31 -> Base.reg s' "host_x" k = written (snd r) (host_word s) k.

(* The CPU is claimed for its start, or it is on. *)
Lemma claim_says c t l cpu entry s : noting c t l s -> held s = false -> cpu_ok cpu = true -> 0 <= entry < 2 ^ 64 -> cell s "cpu_power"
  cpu = POWER_OFF ->
  exists v, section (claim cpu entry) s = Ok (0, v) /\ held v = false /\ Base.reg v = Base.reg s /\ answer v = answer s /\
    noting c t (NLog LOG_CPU_ON cpu entry :: l) v.
Proof.
  intros N H C A Off. pose proof (cpu_range cpu C) as Cr. set (u := setcell "cpu_power" cpu POWER_BOOT (sethold true s)).
  assert (Nu : noting c t l u) by (unfold u; eapply noting_beside; [exact N|beside_]).
  assert (E : claim cpu entry (sethold true s) = Ok (0, log_event LOG_CPU_ON cpu entry u)).
  { unfold claim, s_cpu_on_claim. rewrite C. cbn [andb held sethold]. change (cell (sethold true s)) with (cell s). rewrite Off.
    reflexivity. }
  unfold section. rewrite H, E. cbn [negb bind]. rewrite log_event_held. change (held u) with true. cbn iota.
  assert (Ur : Base.reg u = Base.reg s) by reflexivity. assert (Ua : answer u = answer s) by reflexivity. clearbody u. clear E.
  destruct (log_event_same LOG_CPU_ON cpu entry u) as [Lr La].
  assert (Nl : noting c t (NLog LOG_CPU_ON cpu entry :: l) (log_event LOG_CPU_ON cpu entry u)).
  { apply noting_log; [exact Nu|unfold LOG_CPU_ON; lia|lia|exact A]. }
  set (w := log_event LOG_CPU_ON cpu entry u) in *. clearbody w. exists (sethold false w). split; [reflexivity|]. split; [reflexivity|].
  split; [rewrite <- Ur; exact Lr|]. split; [rewrite <- Ua; exact La|]. eapply noting_beside; [exact Nl|beside_].
Qed.
Lemma claim_refused c t l cpu entry s : noting c t l s -> held s = false -> cpu_ok cpu = true -> cell s "cpu_power" cpu <> POWER_OFF ->
  exists v, section (claim cpu entry) s = Ok (PSCI_ALREADY_ON, v) /\ held v = false /\ Base.reg v = Base.reg s /\ noting c t l v.
Proof.
  intros N H C On. exists (sethold false (sethold true s)). split; [|split; [reflexivity|split; [reflexivity|eapply noting_beside;
    [exact N|beside_]]]].
  unfold section, claim, s_cpu_on_claim. rewrite H, C. cbn [negb andb held sethold]. change (cell (sethold true s)) with (cell s).
  rewrite (proj2 (Z.eqb_neq _ _) On). reflexivity.
Qed.

Lemma relay_says c t s v cpu entry x0 l : noting c t l v -> held v = false -> Base.reg v = Base.reg s -> answer v = answer s ->
  let s' := relay_on cpu entry x0 (Base.reg s "host_x" 2) (Base.reg s "host_x" 3) v in
  held s' = false /\ noting c t l s' /\
    forall k, 0 <= k < 31 -> Base.reg s' "host_x" k = written (relayed (platform_of s s') (host_word s)) (host_word s) k.
Proof.
  intros N Hv Vr Va. unfold relay_on. cbv zeta. split; [destruct (_ =? 0); exact Hv|]. split.
  - eapply noting_beside; [exact N|]. destruct (_ =? 0); beside_.
  - intros k K. rewrite written_relayed. match goal with |- context [if ?b then _ else setcell _ _ _ _] => destruct b end;
      cbn [Base.reg setreg setregs setcell String.eqb Ascii.eqb Bool.eqb andb forward]; unfold host_word;
      (destruct (k =? 3) eqn:K3; [reflexivity|]); (destruct (k =? 2) eqn:K2; [reflexivity|]);
      (destruct ((0 <=? k) && (k <? 18)) eqn:K18; [rewrite <- Va; reflexivity|]);
      cbn [relay Base.reg setreg setregs put64 setcell String.eqb Ascii.eqb Bool.eqb andb]; rewrite ?K3, ?K2;
      (destruct (Z.eqb_spec k 0) as [->|K0]; [discriminate K18|rewrite Vr; reflexivity]).
Qed.

Lemma cpu_on_says c t l fn s : noting c t l s -> held s = false -> nr_cpus_ok s = true -> sized_host s ->
  exists s', s_host_cpu_on [fn] s = Ok (0, s') /\ says c t l s s'
    (match p_target (platform_of s s') with
     | None => ([], [(0, PSCI_INVALID)])
     | Some (cpu, off) => if off then ([NLog LOG_CPU_ON cpu (argument fn (host_word s 2))], relayed (platform_of s s') (host_word s))
                          else ([], [(0, PSCI_ALREADY_ON)])
     end).
Proof.
  intros N H Nr W. unfold s_host_cpu_on. rewrite Nr. unfold host_cpu_on. cbv zeta. unfold nr_cpus_ok in Nr.
    apply andb_true_iff in Nr as [Nr0 Nr].
  apply Z.leb_le in Nr0, Nr. pose proof (first_cpu_range s (Z.land (Base.reg s "host_x" 1) 0xff00ffffff) (Z.to_nat (cell s "nr_cpus" 0))
    0) as Fr.
  assert (Tg : forall s', p_target (platform_of s s') = let cpu := first_cpu s (Z.land (Base.reg s "host_x" 1) 0xff00ffffff) 0 (Z.to_nat
    (cell s "nr_cpus" 0)) in
    if cpu <? cell s "nr_cpus" 0 then Some (cpu, cell s "cpu_power" cpu =? POWER_OFF) else None) by reflexivity.
  cbv zeta in Tg. set (cpu := first_cpu s _ 0 _) in *. clearbody cpu. destruct (Z.ltb_spec cpu (cell s "nr_cpus" 0)) as [L|L].
  2: { eexists. split; [reflexivity|]. rewrite Tg. split; [exact H|]. split; [eapply noting_beside; [exact N|beside_]|intros k _;
    reflexivity]. }
  assert (Ok_ : cpu_ok cpu = true) by (unfold cpu_ok, KCORE_MAX_CPUS in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
  pose proof (argument_sized fn _ (W 2 ltac:(lia))) as A. change (host_word s 2) with (Base.reg s "host_x" 2) in *.
  set (entry := argument fn (Base.reg s "host_x" 2)) in *.
  destruct (Z.eqb_spec (cell s "cpu_power" cpu) POWER_OFF) as [Off|Off].
  - destruct (claim_says c t l cpu entry s N H Ok_ A Off) as (v & -> & Hv & Vr & Va & Nv). cbn [bind Z.eqb]. eexists. split;
      [reflexivity|]. rewrite Tg.
    apply (relay_says c t s v); auto.
  - destruct (claim_refused c t l cpu entry s N H Ok_ Off) as (v & -> & Hv & Vr & Nv). cbn [bind]. change (PSCI_ALREADY_ON =? 0) with
      false.
    cbn iota. eexists. split; [reflexivity|]. rewrite Tg. split; [exact Hv|]. split; [eapply noting_beside; [exact Nv|beside_]|].
    intros k _. cbn [Base.reg setreg setregs]. rewrite Vr. reflexivity.
Qed.

Lemma smc_says_ext o b x y : (forall k, In k [0; 1; 2; 3] -> x k = y k) -> smc_answer o b x = smc_answer o b y.
Proof.
  intros E. unfold smc_answer, smc_says, relayed. rewrite (E 0), (E 1), (E 2), (E 3) by (cbn [In]; tauto). reflexivity.
Qed.

Lemma smc_code_says c t s : noting c t [] s -> held s = false -> is_cpu c -> nr_cpus_ok s = true -> sized_host s ->
  exists s', s_host_smc [c] s = Ok (0, s') /\ says c t [] s s' (smc_answer (platform_of s s') (negb (cell s "cpu_vcpu" c =? NO_VCPU))
    (host_word s)).
Proof.
  intros N H C Nr W. assert (Ck : cpu_ok c = true) by (unfold cpu_ok, is_cpu in *; apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia).
  unfold s_host_smc. rewrite Ck. unfold host_smc. cbv zeta. pose proof (Bits.land_bound (Base.reg s "host_x" 0) 0xffffffff ltac:(lia)) as
    Fb.
  set (u := stat_add c KCORE_STAT_host_smc (setreg "host_pc" 0 (wrap U64 (Base.reg s "host_pc" 0 + 4)) s)).
  assert (Nu : noting c t [NCount KCORE_STAT_host_smc] u).
  { apply noting_stat; [eapply noting_beside; [exact N|beside_]|exact C|unfold KCORE_STAT_host_smc, KCORE_NR_STATS; lia]. }
  assert (Hu : held u = false) by exact H. assert (Nru : nr_cpus_ok u = true) by exact Nr. assert (Wu : sized_host u) by exact W.
  assert (Pu : forall s', platform_of s s' = platform_of u s').
  { intros s'. unfold platform_of. change (answer u) with (answer s). change (Base.reg u "host_x" 1) with (Base.reg s "host_x" 1).
    change (cell u "nr_cpus" 0) with (cell s "nr_cpus" 0). 
    assert (F : forall n i, first_cpu u (Z.land (Base.reg s "host_x" 1) 0xff00ffffff) i n = first_cpu s (Z.land (Base.reg s "host_x" 1)
      0xff00ffffff) i n).
    { induction n as [|n IH]; intros i; cbn [first_cpu]; [reflexivity|]. rewrite IH. reflexivity. }
    rewrite F. reflexivity. }
  assert (Hw : forall k, 0 <= k < 31 -> host_word u k = host_word s k) by reflexivity.
  change (cell s "cpu_vcpu" c) with (cell u "cpu_vcpu" c).
  assert (Go : exists s', (let fn := Z.land (host_word u 0) 0xffffffff in let base := Guest.clear fn PSCI_64 in
      if base =? PSCI_CPU_ON then let* (_, s) := s_host_cpu_on [fn] u in Ok (0, s) else
      if fn =? PSCI_CPU_OFF then let* (_, s) := s_host_cpu_off [c] u in Ok (0, s) else
      if base =? PSCI_CPU_SUSPEND then let* (_, s) := s_host_cpu_suspend [c; fn] u in Ok (0, s) else
      if fn =? PSCI_FEATURES then let* (_, s) := s_host_features [] u in Ok (0, s) else
      if smc_allowed fn then Ok (0, forward u) else refuse_smc c fn u) = Ok (0, s') /\
    says c t [NCount KCORE_STAT_host_smc] u s' (smc_says (platform_of u s') (negb (cell u "cpu_vcpu" c =? NO_VCPU)) (host_word u))).
  2: { destruct Go as (s' & E & S1 & S2 & S3). exists s'. split; [exact E|]. rewrite Pu. unfold smc_answer.
    assert (X : smc_says (platform_of u s') (negb (cell u "cpu_vcpu" c =? NO_VCPU)) (host_word s) =
      smc_says (platform_of u s') (negb (cell u "cpu_vcpu" c =? NO_VCPU)) (host_word u)) by reflexivity.
    rewrite X. destruct (smc_says _ _ _) as [l w]. cbn [fst snd] in *. split; [exact S1|]. split; [cbn [fst]; rewrite app_nil_r;
      exact S2|].
    intros k K. rewrite S3 by exact K. apply written_ext, Hw, K. }
  cbv zeta. change (Base.reg s "host_x" 0) with (host_word u 0) in Fb. clearbody u. clear N H Nr W Pu Hw. clear s.
  set (fn := Z.land (host_word u 0) 0xffffffff) in *.
  assert (Rf : forall s' k, 0 <= k < 31 -> trace s' = trace (forward u) -> Base.reg (forward u) "host_x" k = written (forwarded
    (platform_of u s')) (host_word u) k).
  { intros s' k K T. rewrite written_forwarded, T. reflexivity. }
  assert (Rr : forall s' cpu f e x k, 0 <= k < 31 -> trace s' = trace (forward (relay cpu f e x u)) ->
    Base.reg (setreg "host_x" 3 (Base.reg u "host_x" 3) (setreg "host_x" 2 (Base.reg u "host_x" 2) (forward (relay cpu f e x u))))
      "host_x" k =
    written (relayed (platform_of u s') (host_word u)) (host_word u) k).
  { intros s' cpu f e x k K T. rewrite written_relayed, T.
    cbn [Base.reg setreg setregs String.eqb Ascii.eqb Bool.eqb andb forward]; unfold host_word;
        (destruct (k =? 3) eqn:K3; [reflexivity|]); (destruct (k =? 2) eqn:K2; [reflexivity|]);
        (destruct ((0 <=? k) && (k <? 18)) eqn:K18; [reflexivity|]);
        cbn [relay Base.reg setreg setregs put64 setcell String.eqb Ascii.eqb Bool.eqb andb]; rewrite ?K3, ?K2;
        (destruct (Z.eqb_spec k 0) as [->|K0]; [discriminate K18|reflexivity]). }
  unfold smc_says. cbv zeta. fold fn.
  change (Guest.clear fn Guest.PSCI_64) with (Guest.clear fn PSCI_64). change Guest.PSCI_CPU_ON with PSCI_CPU_ON.
  change Guest.PSCI_CPU_OFF with PSCI_CPU_OFF. change Guest.PSCI_CPU_SUSPEND with PSCI_CPU_SUSPEND. change Guest.PSCI_FEATURES with
    PSCI_FEATURES.
  destruct (Guest.clear fn PSCI_64 =? PSCI_CPU_ON).
  { destruct (cpu_on_says c t _ fn u Nu Hu Nru Wu) as (s' & -> & X). exists s'. split; [reflexivity|exact X]. }
  destruct (fn =? PSCI_CPU_OFF).
  { unfold s_host_cpu_off. rewrite Ck. cbn [bind]. eexists. split; [reflexivity|]. destruct (negb _); (split; [exact Hu|]);
      (split; [eapply noting_beside; [exact Nu|beside_]|]); [intros k _; reflexivity|]. intros k K. cbn [snd]. apply Rf;
        [exact K|reflexivity]. }
  destruct (Guest.clear fn PSCI_64 =? PSCI_CPU_SUSPEND).
  { unfold s_host_cpu_suspend. rewrite Ck. cbv zeta. cbn [bind]. eexists. split; [reflexivity|]. cbn [snd].
    change (host_word u 1) with (Base.reg u "host_x" 1). change POWER_DOWN with 0x40010000.
    destruct (_ =? 0); [|destruct (negb _)]; (split; [exact Hu|]); (split; [eapply noting_beside; [exact Nu|beside_]|]);
      intros k K; [apply Rf; [exact K|reflexivity]|reflexivity|apply Rr; [exact K|reflexivity]]. }
  destruct (fn =? PSCI_FEATURES).
  { unfold s_host_features. cbv zeta. cbn [bind]. eexists. split; [reflexivity|]. cbn [snd]. change (host_word u 1) with (Base.reg u
    "host_x" 1).
    change Guest.PSCI_64 with PSCI_64. change PSCI_CPU_SUSPEND with 0x84000001. change PSCI_CPU_ON with 0x84000003.
      change PSCI_FEATURES with 0x8400000a.
    destruct (_ || _ || _); (split; [exact Hu|]);
      (split; [eapply noting_beside; [exact Nu|beside_]|]); intros k K; [apply Rf; [exact K|reflexivity]|reflexivity]. }
  destruct (smc_allowed fn).
  { eexists. split; [reflexivity|]. split; [exact Hu|]. split; [eapply noting_beside; [exact Nu|beside_]|]. intros k K. apply Rf;
    [exact K|reflexivity]. }
  unfold refuse_smc, section. change (held (stat_add c KCORE_STAT_host_smc_denied u)) with (held u). rewrite Hu.
  cbn [negb bind s_log_event held sethold]. eexists. split; [reflexivity|]. split; [reflexivity|]. split.
  - assert (N1 : noting c t [NLog LOG_SMC_REFUSED fn 0; NCount KCORE_STAT_host_smc_denied; NCount KCORE_STAT_host_smc]
      (log_event LOG_SMC_REFUSED fn 0 (sethold true (stat_add c KCORE_STAT_host_smc_denied u)))).
    { apply noting_log; [|unfold LOG_SMC_REFUSED; lia|lia|lia].
      eapply noting_beside; [apply (noting_stat fixed c t _ KCORE_STAT_host_smc_denied u Nu C);
        unfold KCORE_STAT_host_smc_denied, KCORE_NR_STATS; lia|beside_]. }
    eapply noting_beside; [exact N1|beside_].
  - intros k _. reflexivity.
Qed.

Definition smc_class (s : state) : Prop := 0 <= Base.reg s "esr" 0 /\ Z.shiftr (Base.reg s "esr" 0) 26 = 23.

Lemma smc_writes o b x w : In w (snd (smc_answer o b x)) -> 0 <= fst w < 31.
Proof.
  assert (F : In w (forwarded o) -> 0 <= fst w < 31).
  { unfold forwarded. destruct w as [k v]. intros X. apply in_combine_l, range_in in X. cbn [fst]. lia. }
  assert (Rl : In w (relayed o x) -> 0 <= fst w < 31).
  { unfold relayed. intros X. apply in_app_or in X as [X|[<-|[<-|[]]]]; [apply F, X|cbn [fst]; lia..]. }
  assert (O : forall v, In w [(0, v)] -> 0 <= fst w < 31) by (intros v [<-|[]]; cbn [fst]; lia).
  unfold smc_answer. destruct (smc_says o b x) as [l m] eqn:E. cbn [snd]. unfold smc_says in E. cbv zeta in E.
  repeat match type of E with context [if ?b then _ else _] => destruct b | context [match p_target o with _ => _ end] => destruct
    (p_target o) as [[? [|]]|] end;
    injection E as <- <-; eauto.
Qed.

Lemma smc_code c s t : Q c s t -> held s = false -> sized_host s -> smc_class s ->
  exists s', link L1 above "host_trap" [0] s = Ok (0, s') /\ held s' = false /\
    Q c s' (host_note c (smc_answer (platform_of s s') (negb (u_vcpu (cpu (P t) c) =? NO_VCPU)) (host_x (D t) c)) t).
Proof.
  intros R H W (Pe & S). destruct (r_cpu_id _ _ _ _ R) as [Ec C].
  assert (R1 : Q c (called s) t) by (apply keep_record; exact R).
  assert (Nr : nr_cpus_ok (called s) = true).
  { unfold nr_cpus_ok. rewrite (r_fixed _ _ _ _ R1) by (cbn; tauto). pose proof (n_cpus _ I). apply andb_true_iff. rewrite !Z.leb_le.
    lia. }
  destruct (smc_code_says c t (called s) (noting_here fixed c t (called s) R1) H C Nr W) as (s1 & E & S1 & S2 & S3).
  apply (does_ok _ _ _ _ _ does_host_smc) in E.
  apply (host_other_smc _ c (called s) 0 _ C Pe S) in E. apply (does_ok _ _ _ _ _ does_host_other_smc) in E.
  assert (S0 : Z.shiftr (Base.reg s "esr" 0) 26 <> EC_HVC) by (unfold EC_HVC; lia).
  destruct (host_trap_timed _ c s 0 _ Ec C Pe S0 E) as (x & X).
  apply (does_ok _ _ _ _ _ does_host_trap_timed) in X. eexists. split; [exact X|]. unfold trapped. split.
  - unfold stat_max. destruct (_ <? _); exact S1.
  - apply keep_max; auto. apply keep_record.
    assert (Pf : platform_of s (stat_max c KCORE_STAT_el2_max x (record "counter_read" [] s1)) = platform_of (called s) s1).
    { unfold platform_of. change (Base.reg (called s)) with (Base.reg s). change (cell (called s) "nr_cpus" 0) with (cell s "nr_cpus" 0).
      replace (trace (stat_max c KCORE_STAT_el2_max x (record "counter_read" [] s1))) with (trace (record "counter_read" [] s1))
        by (unfold stat_max; destruct (_ <? _); reflexivity).
      assert (F : forall n i, first_cpu (called s) (Z.land (Base.reg s "host_x" 1) 0xff00ffffff) i n = first_cpu s (Z.land (Base.reg s
        "host_x" 1) 0xff00ffffff) i n).
      { induction n as [|n IH]; intros i; cbn [first_cpu]; [reflexivity|]. rewrite IH. reflexivity. }
      rewrite F. reflexivity. }
    rewrite Pf. rewrite <- (r_cpu_vcpu _ _ _ _ R c C). change (cell s "cpu_vcpu" c) with (cell (called s) "cpu_vcpu" c).
    rewrite (smc_says_ext _ _ (host_x (D t) c) (host_word (called s))) by (intros k K; apply (asked fixed c (called s) t k R1 K)).
    apply (noting_reply fixed c t (called s)); [exact R1| |apply smc_writes|exact S3]. rewrite app_nil_r in S2. exact S2.
Qed.
End HostSmc.
