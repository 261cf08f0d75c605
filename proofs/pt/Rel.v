(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * How table words and the maps of layer L1 belong together.  An entry is named by level, VM and number (IPA / bytes that
 * an entry of the level covers); its table by level, VM and the number of the entry that points to it.
 *)
From KCore Require Export machine.Map pt.Bits.
Local Open Scope string_scope.
Local Open Scope Z_scope.

Definition nmax (l : Z) : Z := if l =? 1 then 1024 else if l =? 2 then 2 ^ 19 else 2 ^ 28.
Definition up (l n : Z) : Z := if l =? 1 then 0 else n / 512.
Definition slot (l n : Z) : Z := if l =? 1 then n else n mod 512.
(* PA of the table of level l below entry p of level l - 1; 0: none. *)
Definition tbase (t : state) (l vm p : Z) : Z :=
  if l =? 1 then root t vm else if l =? 2 then s1 t vm p else tab t vm p.
Definition addr (t : state) (l vm n : Z) : Z := tbase t l vm (up l n) + slot l n * 8.
(* What the entry holds. *)
Definition val (t : state) (l vm n : Z) : Z :=
  if l =? 1 then if s1 t vm n =? 0 then 0 else table_desc (s1 t vm n)
  else if l =? 2 then if tab t vm n =? 0 then leaf t vm 2 n else table_desc (tab t vm n)
  else leaf t vm 3 n.
Definition valid (l vm n : Z) : Prop := 1 <= l <= 3 /\ 0 <= vm < 256 /\ 0 <= n < nmax l.
Definition present (t : state) (l vm n : Z) : Prop := valid l vm n /\ tbase t l vm (up l n) <> 0.

(* A page that may be a table: aligned, within the 40 bits of a descriptor, outside of the roots. *)
Definition table_page (t : state) (a : Z) : Prop :=
  0 < a < 2 ^ 40 /\ a mod 4096 = 0 /\ in_roots t a = false.

(* own: which table a page is; so no page is two tables. *)
Record maps_ok (own : Z -> Z * Z * Z) (t : state) (w : Z -> Z) : Prop := {
  r_root : 0 < cell t "root_base" 0 /\ cell t "root_base" 0 mod 8192 = 0 /\ cell t "root_base" 0 + 2 ^ 21 <= 2 ^ 40;
  r_word : forall l vm n, present t l vm n -> w (addr t l vm n) = val t l vm n;
  r_page : forall l vm n, present t l vm n -> l <> 1 ->
    table_page t (tbase t l vm (up l n)) /\ table t (page (tbase t l vm (up l n))) = true /\
    own (page (tbase t l vm (up l n))) = (l, vm, up l n);
  r_none2 : forall vm n, valid 2 vm n -> s1 t vm (n / 512) = 0 -> tab t vm n = 0 /\ leaf t vm 2 n = 0;
  r_none3 : forall vm n, valid 3 vm n -> tab t vm (n / 512) = 0 -> leaf t vm 3 n = 0;
  r_block : forall vm n, valid 2 vm n -> tab t vm n <> 0 -> leaf t vm 2 n = 0;
  r_leaf2 : forall vm n, valid 2 vm n -> leaf t vm 2 n = 0 \/ leaf_ok (leaf t vm 2 n) 2 = true;
  r_leaf3 : forall vm n, valid 3 vm n -> leaf t vm 3 n = 0 \/ leaf_ok (leaf t vm 3 n) 3 = true
}.

Definition same_rest (s t : state) : Prop :=
  cell s = cell t /\ (forall b i, reg s b i = reg t b i) /\ held s = held t /\ trace s = trace t /\ answer s = answer t.

(* Words agree outside of tables, and of the pages in `out'. *)
Definition agree (out : Z -> bool) (s t : state) : Prop :=
  forall a, plain t a = true -> out (page a) = false -> word s a = word t a.
Definition none (p : Z) : bool := false.

(* s: words; t: maps. *)
Definition R (s t : state) : Prop :=
  same_rest s t /\ agree none s t /\ exists own, maps_ok own t (word s).

(* ------------------------------------------------------------------ entries apart *)

Lemma three (P : Z -> Prop) l : 1 <= l <= 3 -> P 1 -> P 2 -> P 3 -> P l.
Proof. intros H A B C. assert (l = 1 \/ l = 2 \/ l = 3) as [-> | [-> | ->]] by lia; assumption. Qed.

Lemma roots_page t a o :
  cell t "root_base" 0 mod 8192 = 0 -> a mod 4096 = 0 -> 0 <= o < 4096 -> in_roots t (a + o) = in_roots t a.
Proof.
  intros A B C. apply Z.div_exact in A, B; try lia. unfold in_roots. apply eq_true_iff_eq.
  rewrite !andb_true_iff, !Z.leb_le, !Z.ltb_lt. lia.
Qed.

Section Entries.
  Context {own : Z -> Z * Z * Z} {t : state} {w : Z -> Z} (W : maps_ok own t w).

  Lemma base_root vm : 0 <= vm < 256 -> root t vm <> 0.
  Proof. intros H. pose proof (r_root _ _ _ W). unfold root. lia. Qed.

  Lemma addr_root vm n : valid 1 vm n -> in_roots t (addr t 1 vm n) = true /\ addr t 1 vm n = cell t "root_base" 0 + vm * 8192 + n * 8.
  Proof.
    intros (_ & V & N). unfold nmax in N. cbn [Z.eqb Pos.eqb] in N. unfold addr, tbase, slot, up, in_roots, root. cbn [Z.eqb Pos.eqb].
    split; [|reflexivity]. apply andb_true_iff; rewrite Z.leb_le, Z.ltb_lt; lia.
  Qed.

  Lemma addr_page l vm n : present t l vm n -> l <> 1 ->
    page (addr t l vm n) = page (tbase t l vm (up l n)) /\ in_roots t (addr t l vm n) = false /\
    table t (page (addr t l vm n)) = true /\ own (page (addr t l vm n)) = (l, vm, up l n) /\
    addr t l vm n = tbase t l vm (n / 512) + n mod 512 * 8 /\ up l n = n / 512.
  Proof.
    intros P L. destruct (r_page _ _ _ W _ _ _ P L) as ((A & M & I) & T & O). destruct P as ((Hl & _ & _) & _).
    assert (U : up l n = n / 512) by (unfold up; destruct (Z.eqb_spec l 1); [contradiction|reflexivity]).
    assert (S : slot l n = n mod 512) by (unfold slot; destruct (Z.eqb_spec l 1); [contradiction|reflexivity]).
    assert (E : page (addr t l vm n) = page (tbase t l vm (up l n))).
    { unfold addr. apply page_in; [exact M|]. rewrite S. pose proof (mod512 n). lia. }
    rewrite !E. repeat split; auto.
    - unfold addr. rewrite roots_page; auto. + apply (r_root _ _ _ W). + rewrite S. pose proof (mod512 n). lia.
    - unfold addr. rewrite U, S. reflexivity.
  Qed.

  (* Two entries at the same address are the same entry. *)
  Lemma addr_inj l vm n l' vm' n' : present t l vm n -> present t l' vm' n' ->
    addr t l vm n = addr t l' vm' n' -> l = l' /\ vm = vm' /\ n = n'.
  Proof.
    intros P P' E. destruct (Z.eq_dec l 1) as [->|L], (Z.eq_dec l' 1) as [->|L'].
    - destruct P as (V & _), P' as (V' & _). destruct (addr_root _ _ V) as [_ A], (addr_root _ _ V') as [_ A'].
      destruct V as (_ & V & N), V' as (_ & V' & N'). unfold nmax in N, N'. cbn [Z.eqb Pos.eqb] in N, N'. lia.
    - destruct P as (V & _). destruct (addr_root _ _ V) as [A _]. destruct (addr_page _ _ _ P' L') as (_ & B & _). congruence.
    - destruct P' as (V & _). destruct (addr_root _ _ V) as [A _]. destruct (addr_page _ _ _ P L) as (_ & B & _). congruence.
    - destruct (addr_page _ _ _ P L) as (_ & _ & _ & O & A & U), (addr_page _ _ _ P' L') as (_ & _ & _ & O' & A' & U').
      rewrite E, O' in O. injection O as -> -> O. rewrite U, U' in O. rewrite A, A', O in E.
      repeat split. rewrite (Z.div_mod n 512), (Z.div_mod n' 512) by lia. lia.
  Qed.

  (* No entry is a word that the rest of the core may touch. *)
  Lemma addr_not_plain l vm n a : present t l vm n -> plain t a = true -> a <> addr t l vm n.
  Proof.
    intros P H ->. unfold plain in H. props. destruct (Z.eq_dec l 1) as [->|L].
    - destruct P as (V & _). destruct (addr_root _ _ V) as [A _]. congruence.
    - destruct (addr_page _ _ _ P L) as (_ & _ & T & _). congruence.
  Qed.

  (* No entry lies in a page that is no table. *)
  Lemma addr_not_in l vm n pa i : present t l vm n -> table_page t pa -> table t (page pa) = false -> 0 <= i < 4096 ->
    addr t l vm n <> pa + i.
  Proof.
    intros P (A & M & I) F Hi E. destruct (Z.eq_dec l 1) as [->|L].
    - destruct P as (V & _). destruct (addr_root _ _ V) as [B _]. rewrite E, roots_page in B; auto; [congruence|]. apply (r_root _ _ _ W).
    - destruct (addr_page _ _ _ P L) as (_ & _ & T & _). rewrite E, page_in in T by auto. congruence.
  Qed.

  Lemma addr_aligned l vm n : present t l vm n -> addr t l vm n mod 8 = 0.
  Proof.
    intros P. destruct (Z.eq_dec l 1) as [->|L].
    - destruct P as (V & _). destruct (addr_root _ _ V) as [_ A]. rewrite A. rewrite Z_mod_plus_full.
      destruct (r_root _ _ _ W) as (_ & M & _). apply Z.div_exact in M; [|lia]. rewrite M.
      replace (8192 * (cell t "root_base" 0 / 8192) + vm * 8192) with ((1024 * (cell t "root_base" 0 / 8192) + vm * 1024) * 8) by lia.
      apply Z_mod_mult.
    - destruct (addr_page _ _ _ P L) as (_ & _ & _ & _ & A & U). destruct (r_page _ _ _ W _ _ _ P L) as ((_ & M & _) & _).
      rewrite A. apply mod8_slot. rewrite <- U. exact M.
  Qed.

  Lemma addr_pos l vm n : present t l vm n -> 0 < addr t l vm n < 2 ^ 41.
  Proof.
    intros P. destruct (Z.eq_dec l 1) as [->|L].
    - destruct P as (V & _). destruct (addr_root _ _ V) as [_ A]. pose proof (r_root _ _ _ W).
      destruct V as (_ & V & N). unfold nmax in N. cbn [Z.eqb Pos.eqb] in N. lia.
    - destruct (addr_page _ _ _ P L) as (_ & _ & _ & _ & A & U). destruct (r_page _ _ _ W _ _ _ P L) as ((B & _) & _).
      rewrite U in B. pose proof (mod512 n). lia.
  Qed.
End Entries.

(* The pages of tables, by their own number. *)
Lemma s1_page own t w vm g : maps_ok own t w -> 0 <= vm < 256 -> 0 <= g < 1024 -> s1 t vm g <> 0 ->
  table_page t (s1 t vm g) /\ table t (page (s1 t vm g)) = true /\ own (page (s1 t vm g)) = (2, vm, g).
Proof.
  intros W Hv Hg N. assert (E : g * 512 / 512 = g) by (apply Z.div_mul; lia).
  assert (P : present t 2 vm (g * 512)).
  { repeat split; try lia; [unfold nmax; cbn [Z.eqb Pos.eqb]; lia|]. unfold tbase, up. cbn [Z.eqb Pos.eqb]. rewrite E. exact N. }
  pose proof (r_page _ _ _ W _ _ _ P ltac:(lia)) as X. unfold tbase, up in X. cbn [Z.eqb Pos.eqb] in X. rewrite E in X. exact X.
Qed.
Lemma tab_page own t w vm b : maps_ok own t w -> 0 <= vm < 256 -> 0 <= b < 2 ^ 19 -> tab t vm b <> 0 ->
  table_page t (tab t vm b) /\ table t (page (tab t vm b)) = true /\ own (page (tab t vm b)) = (3, vm, b).
Proof.
  intros W Hv Hg N. assert (E : b * 512 / 512 = b) by (apply Z.div_mul; lia).
  assert (P : present t 3 vm (b * 512)).
  { repeat split; try lia; [unfold nmax; cbn [Z.eqb Pos.eqb]; lia|]. unfold tbase, up. cbn [Z.eqb Pos.eqb]. rewrite E. exact N. }
  pose proof (r_page _ _ _ W _ _ _ P ltac:(lia)) as X. unfold tbase, up in X. cbn [Z.eqb Pos.eqb] in X. rewrite E in X. exact X.
Qed.

(* Whether the entry is a table can be seen from the map. *)
Lemma is_table1 own t w vm g : maps_ok own t w -> 0 <= vm < 256 -> 0 <= g < 1024 ->
  is_table (val t 1 vm g) = negb (s1 t vm g =? 0).
Proof.
  intros W Hv Hg. unfold val. cbn [Z.eqb Pos.eqb]. destruct (Z.eqb_spec (s1 t vm g) 0) as [|N]; [reflexivity|].
  destruct (s1_page _ _ _ _ _ W Hv Hg N) as ((_ & M & _) & _). apply table_desc_is, M.
Qed.
Lemma is_table2 own t w vm b : maps_ok own t w -> 0 <= vm < 256 -> 0 <= b < 2 ^ 19 ->
  is_table (val t 2 vm b) = negb (tab t vm b =? 0).
Proof.
  intros W Hv Hb. unfold val. cbn [Z.eqb Pos.eqb]. destruct (Z.eqb_spec (tab t vm b) 0) as [|N].
  - destruct (r_leaf2 _ _ _ W vm b) as [->|F]; [|reflexivity|apply leaf2_no_table, F].
    repeat split; try lia. unfold nmax. cbn [Z.eqb Pos.eqb]. lia.
  - destruct (tab_page _ _ _ _ _ W Hv Hb N) as ((_ & M & _) & _). apply table_desc_is, M.
Qed.

(* A valid entry has bit 0 set, an invalid one is 0. *)
Lemma val_valid own t w l vm n : maps_ok own t w -> valid l vm n -> (Z.land (val t l vm n) 1 =? 0) = (val t l vm n =? 0).
Proof.
  intros W V. pose proof V as (Hl & Hv & Hn). revert V Hn. pattern l. apply three; auto; intros V Hn; unfold val; unfold nmax in Hn; cbn [Z.eqb Pos.eqb] in *.
  - destruct (Z.eqb_spec (s1 t vm n) 0) as [|N]; [reflexivity|]. destruct (s1_page _ _ _ _ _ W Hv Hn N) as ((_ & M & _) & _).
    rewrite table_desc_valid by auto. symmetry. apply Z.eqb_neq, table_desc_nonzero, M.
  - destruct (Z.eqb_spec (tab t vm n) 0) as [|N].
    + destruct (r_leaf2 _ _ _ W vm n V) as [->|F]; [reflexivity|]. rewrite (leaf_ok_valid _ _ F). symmetry. apply Z.eqb_neq, (leaf_ok_nonzero _ _ F).
    + destruct (tab_page _ _ _ _ _ W Hv Hn N) as ((_ & M & _) & _).
      rewrite table_desc_valid by auto. symmetry. apply Z.eqb_neq, table_desc_nonzero, M.
  - destruct (r_leaf3 _ _ _ W vm n V) as [->|F]; [reflexivity|]. rewrite (leaf_ok_valid _ _ F). symmetry. apply Z.eqb_neq, (leaf_ok_nonzero _ _ F).
Qed.
