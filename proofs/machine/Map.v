(* SPDX-License-Identifier: GPL-2.0-only *)
(*
 * Layer L1: stage-2 tables as maps.  The functions of pool.c, pte.c, walk.c and s2map.c are functions on the ghost
 * fields s1, tab, leaf and table of the state; memory operations keep out of tables; pt_load, pt_store and s2_entry
 * have no meaning here.  Break before make is in the preconditions.
 *)
From KCore Require Export machine.Base code.Pool code.Pte code.Walk gen.Constants.
Local Open Scope string_scope.
Local Open Scope Z_scope.

(* ------------------------------------------------------------------- addresses *)

Definition gib (ipa : Z) : Z := ipa / 2 ^ 30.
Definition block (ipa : Z) : Z := ipa / 2 ^ 21.
Definition page (a : Z) : Z := a / 2 ^ 12.

Definition in_roots (s : state) (a : Z) : bool :=
  (cell s "root_base" 0 <=? a) && (a <? cell s "root_base" 0 + 256 * 8192).

(* A word that is in no table. *)
Definition plain (s : state) (a : Z) : bool := aligned s a && negb (in_roots s a) && negb (table s (page a)).
Lemma zero_plain k pa s a : plain (zero k pa s) a = plain s a.
Proof. induction k; auto. Qed.

Definition stage2_ok (s : state) (vm ipa : Z) : bool := roots_ok s vm && (0 <=? ipa) && (ipa <? 2 ^ 40).

(* --------------------------------------------------------------------- changes *)

Definition with_maps (s : state) (a b : Z -> Z -> Z) (c : Z -> Z -> Z -> Z) (d : Z -> bool) : state :=
  mkstate (cell s) (word s) (reg s) (held s) (trace s) (answer s) a b c d.
Definition set_s1 (vm g pa : Z) (s : state) : state :=
  with_maps s (fun v h => if (v =? vm) && (h =? g) then pa else s1 s v h) (tab s) (leaf s) (table s).
Definition set_tab (vm b pa : Z) (s : state) : state :=
  with_maps s (s1 s) (fun v c => if (v =? vm) && (c =? b) then pa else tab s v c) (leaf s) (table s).
Definition set_leaf (vm level n pte : Z) (s : state) : state :=
  with_maps s (s1 s) (tab s)
    (fun v l m => if (v =? vm) && (l =? level) && (m =? n) then pte else leaf s v l m) (table s).
Definition set_table (p : Z) (b : bool) (s : state) : state :=
  with_maps s (s1 s) (tab s) (leaf s) (fun q => if q =? p then b else table s q).

(* The number of the IPA's entry in the level's numbering. *)
Definition number (level ipa : Z) : Z := if level =? 1 then gib ipa else if level =? 2 then block ipa else page ipa.

(* Descriptors: of a table; the entry of the level over the IPA, 0 when an entry above it is no table. *)
Definition table_desc (pa : Z) : Z := Z.lor (Z.lor pa PTE_TABLE) PTE_VALID.
Definition entry (s : state) (vm ipa level : Z) : Z :=
  if level =? 1 then if s1 s vm (gib ipa) =? 0 then 0 else table_desc (s1 s vm (gib ipa))
  else if level =? 2 then if tab s vm (block ipa) =? 0 then leaf s vm 2 (block ipa) else table_desc (tab s vm (block ipa))
  else leaf s vm 3 (page ipa).

(* The table that holds the entry of level 2 or 3 is there. *)
Definition way (s : state) (vm ipa level : Z) : bool :=
  if level =? 2 then negb (s1 s vm (gib ipa) =? 0) && (tab s vm (block ipa) =? 0)
  else (level =? 3) && negb (tab s vm (block ipa) =? 0).

(* A descriptor that may become an entry of the level: valid, a block or a page, a block aligned (D8.3). *)
Definition leaf_ok (pte level : Z) : bool :=
  (0 <=? pte) && (pte <? 2 ^ 55) &&
  (if level =? 3 then Z.land pte 3 =? 3 else (Z.land pte 3 =? 1) && (Z.land pte 0x1ff000 =? 0)).

Fixpoint all_below (n : nat) (f : Z -> bool) : bool :=
  match n with O => true | S k => all_below k f && f (Z.of_nat k) end.
(* The level-3 table over block b, the level-2 table over GiB g, has no valid entry. *)
Definition empty3 (s : state) (vm b : Z) : bool := all_below words (fun k => leaf s vm 3 (b * 512 + k) =? 0).
Definition empty2 (s : state) (vm g : Z) : bool :=
  all_below words (fun k => (tab s vm (g * 512 + k) =? 0) && (leaf s vm 2 (g * 512 + k) =? 0)).

Definition vttbr_of (s : state) (vm : Z) : Z := Z.lor (root s vm) (vm * 2 ^ 48).

(* -------------------------------------------------------------------- functions *)

(* pool.c, as on words; the page that is handed out or given back is in no table. *)
Definition h_pool_alloc : prim state := fun args s =>
  match s_pool_alloc args s with
  | Ok (pa, s') => pre (pa =? 0) || plain s pa in Ok (pa, s')
  | r => r
  end.
Definition h_pool_give : prim state := fun args s =>
  match args with
  | [vm; pa] => pre plain s pa in s_pool_give [vm; pa] s
  | _ => Stuck
  end.

(* walk.c *)
Definition h_s2_level : prim state := fun args s =>
  match args with
  | [vm; ipa] => pre stage2_ok s vm ipa in
      Ok (if negb (tab s vm (block ipa) =? 0) then 3 else if negb (s1 s vm (gib ipa) =? 0) then 2 else 1, s)
  | _ => Stuck
  end.
Definition h_s2_load : prim state := fun args s =>
  match args with
  | [vm; ipa; level] => pre stage2_ok s vm ipa && (1 <=? level) && (level <=? 3) in Ok (entry s vm ipa level, s)
  | _ => Stuck
  end.
Definition h_s2_table_empty : prim state := fun args s =>
  match args with
  | [vm; ipa] => pre stage2_ok s vm ipa && negb (tab s vm (block ipa) =? 0) in Ok (b2z (empty3 s vm (block ipa)), s)
  | _ => Stuck
  end.

(* The entry of the level's numbering is invalid. *)
Definition vacant (s : state) (vm level n : Z) : bool :=
  if level =? 1 then s1 s vm n =? 0 else if level =? 2 then (tab s vm n =? 0) && (leaf s vm 2 n =? 0) else leaf s vm 3 n =? 0.
Definition h_s2_vacant : prim state := fun args s =>
  match args with
  | [vm; ipa; level] =>
      pre stage2_ok s vm ipa && (if level =? 1 then true else if level =? 2 then negb (s1 s vm (gib ipa) =? 0)
          else (level =? 3) && negb (tab s vm (block ipa) =? 0)) in
      let n := number level ipa in Ok (leading (fun k => vacant s vm level (n + k)) 0 (behind n), s)
  | _ => Stuck
  end.

(* s2_prepare: the new table is zeroed and visible before it is linked. *)
Definition link_table (vm ipa level pa : Z) (s : state) : state :=
  let a := set_table (page pa) true (record "dsb_store" [] s) in
  record "dsb_store" [] (if level =? 1 then set_s1 vm (gib ipa) pa a else set_tab vm (block ipa) pa a).
Definition prepare_level (vm ipa level : Z) (s : state) : res (Z * state) :=
  let e := entry s vm ipa level in
  if is_table e then Ok (0, s)
  else if negb (e =? 0) then Ok (KCORE_EBUSY, s)
  else match h_pool_alloc [vm] s with
       | Ok (pa, s') => if pa =? 0 then Ok (KCORE_ENOMEM, s') else Ok (0, link_table vm ipa level pa s')
       | r => r
       end.
Definition h_s2_prepare : prim state := fun args s =>
  match args with
  | [vm; ipa; level] => pre stage2_ok s vm ipa && (2 <=? level) && (level <=? 3) && held s in
      match prepare_level vm ipa 1 s with
      | Ok (r, s') => if negb (r =? 0) then Ok (r, s')
                      else if level =? 3 then prepare_level vm ipa 2 s' else Ok (0, s')
      | r => r
      end
  | _ => Stuck
  end.

(* Only an invalid entry becomes a leaf. *)
Definition h_s2_set : prim state := fun args s =>
  match args with
  | [vm; ipa; level; pte] =>
      pre stage2_ok s vm ipa && held s && way s vm ipa level && (entry s vm ipa level =? 0) && leaf_ok pte level in
      Ok (0, record "dsb_store" [] (set_leaf vm level (number level ipa) pte s))
  | _ => Stuck
  end.

(* The store, its barrier, the invalidation, its completion. *)
Definition h_s2_clear : prim state := fun args s =>
  match args with
  | [vm; ipa; level] =>
      pre stage2_ok s vm ipa && held s && ((level =? 1) && (s1 s vm (gib ipa) =? 0) || way s vm ipa level) in
      let e := entry s vm ipa level in
      Ok (e, if e =? 0 then s
             else record "dsb_tlbi" [] (record "tlbi_ipa" [vttbr_of s vm; ipa] (record "dsb_store" []
                    (set_leaf vm level (number level ipa) 0 s))))
  | _ => Stuck
  end.

(* Only an empty table is taken away; nothing points to it, and no TLB knows it, when it goes back to the pool. *)
Definition h_s2_free_table : prim state := fun args s =>
  match args with
  | [vm; ipa; level] =>
      pre stage2_ok s vm ipa && held s &&
          (if level =? 1 then negb (s1 s vm (gib ipa) =? 0) && empty2 s vm (gib ipa)
           else (level =? 2) && negb (tab s vm (block ipa) =? 0) && empty3 s vm (block ipa)) in
      let pa := if level =? 1 then s1 s vm (gib ipa) else tab s vm (block ipa) in
      let a := if level =? 1 then set_s1 vm (gib ipa) 0 s else set_tab vm (block ipa) 0 s in
      h_pool_give [vm; pa] (record "dsb_tlbi" [] (record "tlbi_vmid" [vttbr_of s vm] (record "dsb_store" []
        (set_table (page pa) false a))))
  | _ => Stuck
  end.

(* A valid block becomes 512 pages with the same translation; break before make in between. *)
Definition split_leaves (vm b pte : Z) (s : state) : state :=
  with_maps s (s1 s) (tab s)
    (fun v l n => if (v =? vm) && (l =? 3) && (n / 512 =? b) then Z.lor pte PTE_TABLE + (n mod 512) * 4096
                  else if (v =? vm) && (l =? 2) && (n =? b) then 0 else leaf s v l n) (table s).
Definition h_s2_split : prim state := fun args s =>
  match args with
  | [vm; ipa] =>
      let b := block ipa in let pte := leaf s vm 2 b in
      pre stage2_ok s vm ipa && held s && negb (pte =? 0) in
      match h_pool_alloc [vm] s with
      | Ok (pa, s') =>
          if pa =? 0 then Ok (KCORE_ENOMEM, s')
          else Ok (0, record "dsb_store" [] (set_tab vm b pa (record "dsb_tlbi" [] (record "tlbi_ipa" [vttbr_of s vm; ipa]
                 (record "dsb_store" [] (record "dsb_store" [] (split_leaves vm b pte (set_table (page pa) true s'))))))))
      | r => r
      end
  | _ => Stuck
  end.

(* ------------------------------------------------------------------- the layer *)

Definition no_meaning : prim state := fun _ _ => Stuck.

Definition map_prims : list (string * prim state) := [
  ("pool_alloc", h_pool_alloc); ("pool_give", h_pool_give);
  ("pte_is_table", s_pte_is_table); ("pte_leaf", s_pte_leaf); ("pte_prot", s_pte_prot);
  ("level_bytes", s_level_bytes); ("s2_root", s_s2_root); ("s2_vttbr", s_s2_vttbr);
  ("s2_level", h_s2_level); ("s2_load", h_s2_load); ("s2_vacant", h_s2_vacant); ("s2_table_empty", h_s2_table_empty);
  ("s2_prepare", h_s2_prepare); ("s2_set", h_s2_set); ("s2_clear", h_s2_clear); ("s2_free_table", h_s2_free_table);
  ("s2_split", h_s2_split); ("set_root_base", no_meaning)].

Definition prims1 : list (string * prim state) := (map_prims ++ cell_prims ++ reg_prims ++ mem_prims plain)%list.

Definition L1 : layer state := fun f =>
  match find f prims1 with Some p => p | None => no_meaning end.

(* --------------------------------------------------------------------- tactics *)

Ltac map_lookup :=
  repeat match goal with
  | |- context [L1 ?f] =>
      let p := eval lazy beta iota delta
        [L1 find prims1 map_prims cell_prims reg_prims mem_prims flat_map map List.app String.append scalars arrays
         page_cells reg_reads reg_writes do_names ask_names String.eqb Ascii.eqb Bool.eqb] in (L1 f) in
      change (L1 f) with p
  end.
Ltac simpl_prim ::= base_lookup; map_lookup; unfold_prims; reads; pres.

(* -------------------------------------------------------------------- examples *)

(* A pool of two pages at 0x41000000, roots at 0x40200000. *)
Definition example_state : state :=
  setcell "pool_free" 0 2 (setcell "pool_base" 0 0x41000000 (setcell "root_base" 0 0x40200000
    (mkstate (fun _ _ => 0) (fun _ => 0) (fun _ _ => 0) true [] (fun _ _ => 0)
       (fun _ _ => 0) (fun _ _ => 0) (fun _ _ _ => 0) (fun _ => false)))).

Definition after (r : res (Z * state)) : state := match r with Ok (_, s) => s | _ => example_state end.
Definition answer_of (r : res (Z * state)) : option Z := match r with Ok (v, _) => Some v | _ => None end.

(* The sealed 512 has to be opened to compute. *)
Ltac evaluate :=
  cbv zeta; map_lookup;
  unfold h_s2_free_table, h_pool_give, s_pool_give, h_s2_prepare, prepare_level, h_pool_alloc, s_pool_alloc, empty2, empty3;
  rewrite words_eq; vm_compute.

(* Tables down to level 3 take both pages of the pool; then the entry is there and invalid. *)
Example prepare_twice :
  let r := L1 "s2_prepare" [3; 0x40201000; 3] example_state in
  answer_of r = Some 0 /\ answer_of (L1 "s2_level" [3; 0x40201000] (after r)) = Some 3 /\
  tab (after r) 3 (block 0x40201000) = 0x41001000 /\ cell (after r) "pool_free" 0 = 0 /\
  answer_of (L1 "s2_prepare" [4; 0x40201000; 3] (after r)) = Some KCORE_ENOMEM.
Proof. evaluate. auto. Qed.

(* A valid entry is not overwritten, its table is not freed, and nothing else writes to a table. *)
Definition mapped : state :=
  after (h_s2_set [3; 0x40201000; 3; leaf_word 0x50001000 7 3] (set_table 0x41001 true
    (set_tab 3 (block 0x40201000) 0x41001000 (set_s1 3 (gib 0x40201000) 0x41000000 example_state)))).
Example make_without_break :
  answer_of (L1 "s2_load" [3; 0x40201000; 3] mapped) = Some (leaf_word 0x50001000 7 3) /\
  answer_of (L1 "s2_set" [3; 0x40201000; 3; leaf_word 0x50002000 7 3] mapped) = None /\
  answer_of (L1 "s2_free_table" [3; 0x40201000; 2] mapped) = None /\
  answer_of (L1 "page_store" [0x41001000; 8; 1] mapped) = None /\ answer_of (L1 "pt_store" [0x41001000; 1] mapped) = None.
Proof. evaluate. auto 8. Qed.
