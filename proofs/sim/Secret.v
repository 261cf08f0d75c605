(* SPDX-License-Identifier: GPL-2.0-only *)
(* What protected VMs hold makes no difference to the host in a call of the C that is shown to do what the top machine does. *)
From KCore Require Import code.Stats top.Ni.
From KCore Require Export sim.Code.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Section Secret.
Context {cfg : config} (fixed : string -> Z -> Z) (I : installed fixed).
Notation Q := (Q fixed).

Lemma run_app l m : forall s u, run l s = Ok u -> run (l ++ m)%list s = run m u.
Proof.
  induction l as [|a l IH]; intros s u E; cbn [run app] in *; [congruence|]. destruct (step a s); try discriminate. apply IH, E.
Qed.
Lemma go_idle c u : u_call (cpu (P u) c) = CNone -> step (HGo c) u = Ok u.
Proof.
  intros E. cbn [step]. destruct (negb _); [|reflexivity]. unfold hgo. rewrite E. unfold after.
    cbn [o_ok o_pub o_eff do_effects fold_left].
  now rewrite st_eta.
Qed.
Lemma run_longer c a k j t u : run (a :: repeat (HGo c) k) t = Ok u -> u_call (cpu (P u) c) = CNone ->
  run (a :: repeat (HGo c) (k + j)) t = Ok u.
Proof.
  intros E N. rewrite repeat_app. change (a :: repeat (HGo c) k ++ repeat (HGo c) j)%list with ((a :: repeat (HGo c) k) ++ repeat (HGo
    c) j)%list.
  rewrite (run_app _ _ _ _ E). induction j as [|j IH]; [reflexivity|]. cbn [repeat run]. rewrite (go_idle c u N). exact IH.
Qed.
(* To the host its own actions are messages. *)
Lemma events_own c k : forall s u, run (repeat (HGo c) k) s = Ok u -> events Host (repeat (HGo c) k) s = map Own (repeat (HGo c) k).
Proof.
  induction k as [|k IH]; intros s u E; [reflexivity|]. cbn [repeat run events] in *. destruct (step (HGo c) s); try discriminate.
  cbn [chan to_host map]. f_equal. eapply IH, E.
Qed.
Lemma call_events c r k s u : run (HCall c r :: repeat (HGo c) k) s = Ok u ->
  events Host (HCall c r :: repeat (HGo c) k) s = map Own (HCall c r :: repeat (HGo c) k).
Proof.
  intros E. cbn [run events] in *. destruct (step (HCall c r) s); try discriminate. cbn [chan to_host map]. f_equal. eapply events_own, E.
Qed.
Lemma host_not_core c s t p : Q c s t -> host_ok (P t) p = true -> core p = false.
Proof.
  intros R H. destruct (core p) eqn:C; auto. unfold host_ok in H. rewrite (n_core _ I p C), (r_core _ _ _ _ R p C) in H. discriminate.
Qed.
Lemma registers_eq c s s' t t' n : Q c s t -> Q c s' t' -> host_eq t t' -> registers s' n = registers s n.
Proof.
  intros R R' E. unfold registers, host_word. cbn [map].
  rewrite !(r_hreg _ _ _ _ R), !(r_hreg _ _ _ _ R') by lia. rewrite !(q_hreg _ _ E). reflexivity.
Qed.

Definition all_fits (c : Z) (req : request) (t : st) : Prop :=
  fits (P t) /\ forall k u, run (HCall c req :: repeat (HGo c) k) t = Ok u -> fits (P u).

Theorem call_confidential c s s' t t' name nr n req : sound -> In name simulated -> calls c s name nr n -> calls c s' name nr n ->
  request_of name (registers s n) s = Some req -> same_clock s s' -> Q c s t -> Q c s' t' -> held s = false -> held s' = false ->
  sinv t -> sinv t' -> idle (P t) c = true -> all_fits c req t -> all_fits c req t' -> host_eq t t' ->
  exists u u' v v', link L1 above "host_trap" [0] s = Ok (0, u) /\ link L1 above "host_trap" [0] s' = Ok (0, u') /\
    Q c u v /\ Q c u' v' /\ host_eq v v' /\
    (forall k, 0 <= k < 31 -> host_word u k = host_word u' k) /\
    (forall p o, 0 <= p < 268435456 -> 0 <= o < 512 -> host_ok (P v) p = true ->
       word u (p * PAGE_BYTES + o * 8) = word u' (p * PAGE_BYTES + o * 8)).
Proof.
  intros B N K K' Rq Ck R R' H H' J J' Id [F G] [F' G'] E.
  assert (Rq' : request_of name (registers s' n) s' = Some req)
    by (rewrite (registers_eq c s s' t t' n R R' E), (request_clock _ _ _ _ Ck); exact Rq).
  assert (Id' : idle (P t') c = true) by (rewrite <- (q_pub _ _ E); exact Id).
  destruct (calls_code fixed I c s t name nr n req B N K Rq R H J Id G F) as (k & u & v & X1 & _ & X2 & X3 & X4).
  destruct (calls_code fixed I c s' t' name nr n req B N K' Rq' R' H' J' Id' G' F') as (k' & u' & v' & Y1 & _ & Y2 & Y3 & Y4).
  apply (run_longer c _ k k') in X2; auto. apply (run_longer c _ k' k) in Y2; auto. rewrite Nat.add_comm in Y2.
  assert (E' : host_eq v v').
  { apply (Ni.ni_top Host B Logic.I _ _ _ _ _ _ J J' E X2 Y2). now rewrite (call_events _ _ _ _ _ X2), (call_events _ _ _ _ _ Y2). }
  exists u, u', v, v'. do 5 (split; [assumption|]). split.
  - intros j Hj. unfold host_word. rewrite (r_hreg _ _ _ _ X4), (r_hreg _ _ _ _ Y4) by lia. apply (q_hreg _ _ E').
  - intros p o Hp Ho Hk. pose proof (host_not_core c u v p X4 Hk) as C.
    rewrite (r_mem _ _ _ _ X4), (r_mem _ _ _ _ Y4) by auto. apply (q_mem _ _ E' p o Hk).
Qed.

(* A live protected VM's page is in DRAM and not KCore's. *)
Lemma guarded_page c s t v i p r : Q c s t -> sinv t -> is_vm v -> guarded (P t) v -> walk (P t) v i = Some (p, r) ->
  0 <= p < 268435456 /\ core p = false.
Proof.
  intros R J V G W. assert (N : v <> HOST) by (unfold is_vm, HOST in *; lia).
  destruct (walk_guarded (P t) v i p r J N G W) as (l & _ & _ & _ & Dp & O). split; [apply (dram_below fixed I), Dp|].
  destruct (core p) eqn:C; auto. rewrite (r_core _ _ _ _ R p C) in O. unfold is_vm, KCORE_NR_VMS, OWNER_CORE, OWNER_HOST in *. lia.
Qed.

Theorem call_integrity c s t v name nr n req : sound -> In name simulated -> calls c s name nr n ->
  request_of name (registers s n) s = Some req -> Q c s t -> held s = false -> sinv t -> idle (P t) c = true -> all_fits c req t ->
  is_vm v -> live (P t) v = true ->
  (forall k u, run (HCall c req :: repeat (HGo c) k) t = Ok u -> events (Vm v) (HCall c req :: repeat (HGo c) k) t = []) ->
  exists u w, link L1 above "host_trap" [0] s = Ok (0, u) /\ Q c u w /\ forall i p r, walk (P t) v i = Some (p, r) ->
    exists q, walk (P w) v i = Some (q, r) /\ own (P w) v q = own (P t) v p /\ (own (P t) v p = true -> forall o, 0 <= o < 512 ->
      word u (q * PAGE_BYTES + o * 8) = word s (p * PAGE_BYTES + o * 8)).
Proof.
  intros B N K Rq R H J Id [F G] V Lv Ev. destruct (calls_code fixed I c s t name nr n req B N K Rq R H J Id G F) as (k & u & w & X1 &
    _ & X2 & _ & X4).
  assert (Jw : sinv w) by (destruct (run_total (HCall c req :: repeat (HGo c) k) t B J) as (w' & W & Y); rewrite X2 in W;
    injection W as <-; exact Y).
  pose proof (Ni.skip (Vm v) _ B V t w J X2 (Ev k w X2)) as E. cbn [eq_for] in E.
  exists u, w. split; [exact X1|]. split; [exact X4|]. intros i p r W. pose proof (e_page _ _ _ E Lv i) as S. unfold same_page in S.
    rewrite W in S.
  destruct (walk (P w) v i) as [[q r']|] eqn:Wq; [|destruct S]. destruct S as (<- & So & S). exists q. split; [reflexivity|]. split; [auto|]. intros Ow o Ho.
  assert (Gt : guarded (P t) v).
  { unfold live, protected in Lv. unfold guarded. props. assumption. }
  assert (Gw : guarded (P w) v).
  { pose proof (e_book _ _ _ E) as Bk. unfold book, life in Bk. injection Bk as _ T _ _ _. unfold guarded in *. congruence. }
  destruct (guarded_page c s t v i p r R J V Gt W) as [P1 P2]. destruct (guarded_page c u w v i q r X4 Jw V Gw Wq) as [Q1 Q2].
  rewrite (r_mem _ _ _ _ R), (r_mem _ _ _ _ X4) by auto. symmetry. now apply S.
Qed.
End Secret.
